# SPDX-License-Identifier: Apache-2.0
"""Files and folders that only their owner may read."""

from __future__ import annotations

import os
from pathlib import Path


def make_folder(path: Path) -> None:
    path.mkdir(parents=True, exist_ok=True, mode=0o700)
    path.chmod(0o700)


def make_file(path: Path) -> Path:
    """The path, with an empty file there unless there is one."""
    os.close(os.open(path, os.O_WRONLY | os.O_CREAT, 0o600))
    return path


def write_file(path: Path, data: bytes) -> None:
    """Replaces a file in one step: what stood there stays until the new one is on disk."""
    beside = path.with_name(f"{path.name}.new")
    beside.unlink(missing_ok=True)
    with make_file(beside).open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    beside.replace(path)

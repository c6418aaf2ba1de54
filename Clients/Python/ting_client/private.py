# SPDX-License-Identifier: Apache-2.0
"""Files and folders that only their owner may read."""

from __future__ import annotations

import fcntl
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


def make_folder(path: Path) -> None:
    path.mkdir(parents=True, exist_ok=True, mode=0o700)
    path.chmod(0o700)


def make_file(path: Path) -> Path:
    """The path, with an empty file there unless there is one."""
    os.close(os.open(path, os.O_WRONLY | os.O_CREAT, 0o600))
    return path


def new_file(beside: Path) -> Path:
    """An empty file of a name that nothing else has, made of that of another."""
    path = beside.with_name(f"{beside.name}.{secrets.token_hex(8)}")
    os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    return path


def lock_path(path: Path) -> Path:
    return path.with_name(f"{path.name}.lock")


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Waits for the end of everyone else who holds the lock beside a file; a holder may remove the lock."""
    beside = lock_path(path)
    while True:
        with make_file(beside).open("r+b") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if _is_at(lock.fileno(), beside):
                yield
                return


def _is_at(file: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(file), path.stat())
    except FileNotFoundError:
        return False


def write_file(path: Path, data: bytes) -> None:
    """Replaces a file in one step: what stood there stays until the new one is on disk."""
    beside = path.with_name(f"{path.name}.new")
    beside.unlink(missing_ok=True)
    with make_file(beside).open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    beside.replace(path)

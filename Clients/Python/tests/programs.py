# SPDX-License-Identifier: Apache-2.0
"""The built programs, and members who use them. `TING_BIN` names the folder of `tingd` and `ting`."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path

from ting_client.canonical import Json, Value
from ting_client.edits import Draft, other_value
from ting_client.home import Home
from ting_client.records import Record
from ting_client.replica import Replica
from ting_client.sync import Report, sync
from ting_client.wire import Server

BIN = os.environ.get("TING_BIN")
SECONDS = 60


def run(program: str, *arguments: str, home: Path | None = None) -> str:
    """The output of one of the programs."""
    assert BIN
    environment = os.environ | ({"TING_HOME": str(home)} if home else {})
    command = [f"{BIN}/{program}", *arguments]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=SECONDS)
    if done.returncode:
        raise AssertionError(f"{program} {' '.join(arguments)}: {done.stderr}")
    return done.stdout.strip()


class Tingd:
    """A server in a folder of its own; `stop` ends it, `serve` begins it again at another port."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp())
        self._members = 0
        self("init")
        self.serve()

    def __call__(self, command: str, *arguments: str) -> str:
        return run("tingd", command, "--data", str(self.folder / "data"), *arguments)

    def serve(self) -> None:
        with (self.folder / "log").open("wb") as log:
            command = [f"{BIN}/tingd", "serve", "--data", str(self.folder / "data"), "--listen", "127.0.0.1:0"]
            self._process = subprocess.Popen(command, stdout=log, stderr=log)
        until = time.monotonic() + SECONDS
        while not (found := re.search(r"ready on https://127.0.0.1:(\d+)", self._log())):
            if time.monotonic() > until or self._process.poll() is not None:
                raise AssertionError(self._log())
            time.sleep(0.02)
        self.port = int(found[1])

    def _log(self) -> str:
        return (self.folder / "log").read_text(encoding="utf-8")

    def stop(self) -> None:
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
            try:
                self._process.wait(SECONDS)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()

    def remove(self) -> None:
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    def invite(self, workspace: str, name: str, role: str = "editor") -> str:
        """A join address."""
        address = f"{name.lower()}@example.org"
        who = ("--workspace", workspace, "--role", role, "--name", name, "--email", address)
        return self("invite", *who).splitlines()[-1]

    def new_home(self) -> Path:
        """A folder for one more device."""
        self._members += 1
        return self.folder / f"device{self._members}"


class Reference:
    """A member with the reference client."""

    def __init__(self, folder: Path, address: str, workspace: str) -> None:
        self.folder = folder
        self("join", address)
        self("clone", workspace)

    def __call__(self, *arguments: str) -> str:
        return run("ting", *arguments, home=self.folder)

    def sync(self) -> None:
        self("sync")

    def digests(self) -> tuple[str, str]:
        found = dict(re.findall(r"^(state|history) +([0-9a-f]{64})$", self("verify"), re.MULTILINE))
        return found["state"], found["history"]


class Member:
    """A member with this client."""

    def __init__(self, home: Home, workspace: str, path: Path | None = None) -> None:
        self.home = home
        self.server: Server = home.server()
        self.replica: Replica = Replica(path, home.schema) if path else home.replica(workspace)

    @classmethod
    def joined(cls, folder: Path, address: str, workspace: str, from_entries: bool = False) -> Member:
        home = Home(folder)
        home.join(address, "test")
        home.clone(workspace, from_entries)
        return cls(home, workspace)

    def close(self) -> None:
        self.replica.close()
        self.server.close()

    def sync(self, page_bytes: int = 0) -> Report:
        return sync(self.server, self.replica, page_bytes)

    def add(self, collection: str, **values: Value) -> str:
        draft = Draft(self.replica)
        record = draft.insert(collection, values)
        draft.seal()
        return record

    def change(self, record: str, **values: Value) -> Json | None:
        draft = Draft(self.replica)
        draft.update(record, values)
        return draft.seal()

    def delete(self, record: str) -> None:
        draft = Draft(self.replica)
        draft.delete_with_children(record)
        draft.seal()

    def restore(self, record: str) -> None:
        draft = Draft(self.replica)
        draft.restore(record)
        draft.seal()

    def put(self, operation: Json) -> str:
        """Puts an operation on a new record in the outbox that the client itself would refuse."""
        draft = Draft(self.replica)
        record = draft.insert(operation["collection"], {})
        draft._operations = [operation | {"record": record}]
        draft.seal()
        return record

    def values(self, record: str) -> dict[str, Value]:
        shown = self.replica.record(record)
        assert shown
        return shown.values

    def open_conflicts(self) -> list[Record]:
        return [one for one in self.replica.records("conflict") if "status" not in one.values]

    def held_aside(self) -> dict[str, tuple[str, Value]]:
        """Kind and waiting value of each open conflict, by field."""
        return {str(one.values["field"]): (str(one.values["kind"]), other_value(one)) for one in self.open_conflicts()}

    def digests(self) -> tuple[str, str]:
        assert self.replica.recomputed_buckets().digest().hex() == self.replica.state_digest
        return self.replica.state_digest, self.replica.history_digest

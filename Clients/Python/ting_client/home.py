# SPDX-License-Identifier: Apache-2.0
"""The folder of one member's device: the server it joined and its replicas."""

from __future__ import annotations

import base64
import json
import subprocess
from pathlib import Path

from . import answers, private, snapshot
from .canonical import Json
from .replica import Replica
from .schema import Schema, read_schema
from .sync import Report, replay, sync
from .tls import parse_join_address, pinned_ca
from .wire import PROTOCOL, Server, workspace_path

_POINT_BYTES = 65


class Home:
    """`server.json` (address, CA, token), `key.pem`, and a file for each replica."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.schema: Schema = read_schema()

    def join(self, address: str, device_name: str) -> Json:
        """Trades a join address for a token; the code is sent only to who holds the pinned CA."""
        given = parse_join_address(address)
        ca = pinned_ca(given.host, given.port, given.pin) if given.pin else None
        private.make_folder(self.folder)
        request = {
            "protocol": str(PROTOCOL),
            "schema": str(self.schema.version),
            "code": given.code,
            "device_name": device_name,
            "public_key": base64.b64encode(_device_key(self.folder / "key.pem")).decode("ascii"),
        }
        with Server(given.host, given.port, ca) as server:
            answer = server.call("POST", "/v1/join", answers.JOIN, request)
        kept = {"host": given.host, "port": given.port, "ca": ca, "token": answer["token"], "member": answer["member"]}
        private.write_file(self.folder / "server.json", json.dumps(kept).encode("utf-8"))
        return answer

    def server(self) -> Server:
        kept = json.loads((self.folder / "server.json").read_text(encoding="utf-8"))
        return Server(kept["host"], kept["port"], kept["ca"], kept["token"], kept["member"])

    def replica_path(self, slug: str) -> Path:
        return self.folder / f"{slug}.sqlite"

    def replica(self, slug: str | None = None) -> Replica:
        """The replica of a workspace, or the only one."""
        paths = [self.replica_path(slug)] if slug else sorted(self.folder.glob("*.sqlite"))
        if len(paths) != 1 or not paths[0].exists():
            raise FileNotFoundError("clone a workspace first, or name one of several with --workspace")
        return Replica(paths[0], self.schema)

    def clone(self, slug: str, from_entries: bool = False) -> Report:
        """Makes a replica, of the snapshot or of the entries alone, and syncs it; a failed one leaves no file."""
        path = self.replica_path(slug)
        if path.exists():
            raise FileExistsError(f"there is a replica of {slug} already")
        try:
            with self.server() as server:
                fill = _replayed if from_entries else _downloaded
                with fill(server, slug, path, self.schema) as replica:
                    return sync(server, replica)
        except BaseException:
            path.unlink(missing_ok=True)
            raise


def _replayed(server: Server, slug: str, path: Path, schema: Schema) -> Replica:
    info = server.call("GET", workspace_path(slug), answers.WORKSPACE)
    replica = Replica.create(path, schema, slug, info["epoch"])
    replay(server, replica)
    return replica


def _downloaded(server: Server, slug: str, path: Path, schema: Schema) -> Replica:
    file = path.with_name(f"{path.name}.snapshot")
    snapshot.download(server, slug, file)
    with snapshot.opened(file, schema) as state:
        replica = Replica.create(path, schema, slug, state.epoch)
        replica.start_from(state)
    file.unlink()
    return replica


def _device_key(path: Path) -> bytes:
    """A new P-256 key in a file; its public point in X9.63 form is the end of the DER that openssl writes."""
    key = subprocess.run(
        ["openssl", "ecparam", "-name", "prime256v1", "-genkey", "-noout"], check=True, capture_output=True
    ).stdout
    private.write_file(path, key)
    public = subprocess.run(
        ["openssl", "ec", "-pubout", "-outform", "DER"], input=key, check=True, capture_output=True
    ).stdout
    return public[-_POINT_BYTES:]

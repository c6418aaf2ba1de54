# SPDX-License-Identifier: Apache-2.0
"""The folder of one member's device: the server it joined and its replicas."""

from __future__ import annotations

import base64
import json
import os
import re
import subprocess
from dataclasses import asdict, dataclass
from pathlib import Path

from . import answers, private, snapshot
from .canonical import Json, sha256
from .errors import Failure
from .replica import OtherMember, Replica
from .schema import Schema, read_schema
from .sync import Report, replay, sync
from .tls import parse_join_address, pinned_ca
from .wire import PROTOCOL, Problem, Server, workspace_path

_POINT_BYTES = 65


class NotSignedIn(Failure):
    """The folder knows no server."""

    remedy = "Run `join` with a join address."


class OtherServer(Failure):
    """The folder belongs to another server: its replicas would be sent there."""

    remedy = "Join in a folder of its own: --home FOLDER."


class NoSlug(Failure):
    """What was given is the name of no workspace: it would name a file anywhere."""

    remedy = "Name a workspace as its server does: a-z, 0-9 and hyphens."


class NoKey(Failure):
    """`openssl` made or read no key."""

    remedy = "Install openssl, version 3, and run `join` again."


@dataclass(frozen=True)
class SignIn:
    """A server and the token that it gave; without a CA the system's roots are trusted."""

    host: str
    port: int
    ca: str | None
    token: str
    member: str

    def is_at(self, host: str, port: int, ca: str | None) -> bool:
        """Whether this is the server at the address: one with a CA of its own may move, it stays the same."""
        return self.ca == ca and (ca is not None or (self.host, self.port) == (host, port))


class Home:
    """`server.json` (address, CA, token), `key.pem`, and a file for each replica."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.schema: Schema = read_schema()

    # --- Joining ----------------------------------------------------------------------------------

    def join(self, address: str, device_name: str) -> Json:
        """Trades a join address for a token; the code is sent only to who holds the pinned CA.

        A join whose answer was lost is done again with the same address: its key is kept until it is done, and what
        the folder had before stays until the server has answered. Where it had joined that server, its token goes
        along: the device keeps token and key, and acts in one workspace more, unless the server makes a new one.
        """
        given = parse_join_address(address)
        ca = pinned_ca(given.host, given.port, given.pin) if given.pin else None
        kept = self._sign_in()
        if kept and not kept.is_at(given.host, given.port, ca):
            raise OtherServer(f"{self.folder} has joined {kept.host}:{kept.port} already")
        private.make_folder(self.folder)
        key = self.folder / f"joining-{sha256(given.code.encode('ascii')).hex()[:16]}.pem"
        request = {
            "protocol": str(PROTOCOL),
            "schema": str(self.schema.version),
            "code": given.code,
            "device_name": device_name,
            "public_key": base64.b64encode(_public_key(key)).decode("ascii"),
        }
        with Server(given.host, given.port, ca, kept.token if kept else "") as server:
            try:
                answer = server.call("POST", "/v1/join", answers.JOIN, request)
            except Problem as problem:
                if problem.code == "invalid_code":
                    key.unlink()
                raise
        if self._members(kept) - {answer["member"]}:
            key.unlink()
            raise OtherMember(
                "the join address was another member's than this folder's; nothing here has changed",
                "It is used up: ask for a new one, and join in a folder of its own: --home FOLDER.",
            )
        signed_in = SignIn(given.host, given.port, ca, answer["token"], answer["member"])
        private.write_file(self._sign_in_path, json.dumps(asdict(signed_in)).encode("utf-8"))
        if kept and kept.token == signed_in.token:
            key.unlink()
        else:
            key.replace(self.folder / "key.pem")
        return answer

    def _members(self, kept: SignIn | None) -> set[str]:
        """Whose sign-in and replicas are here."""
        members = {kept.member} if kept else set()
        for path in self._replica_paths():
            with Replica(path, self.schema) as replica:
                members |= {replica.member} if replica.member else set()
        return members

    @property
    def _sign_in_path(self) -> Path:
        return self.folder / "server.json"

    def _sign_in(self) -> SignIn | None:
        try:
            return SignIn(**json.loads(self._sign_in_path.read_text(encoding="utf-8")))
        except FileNotFoundError:
            return None
        except (TypeError, ValueError) as error:
            raise NotSignedIn(f"{self._sign_in_path} is damaged", "Move it away, and join again.") from error

    def server(self) -> Server:
        kept = self._sign_in()
        if kept is None:
            raise NotSignedIn(f"{self.folder} has not joined a server")
        return Server(kept.host, kept.port, kept.ca, kept.token, kept.member)

    # --- Replicas ---------------------------------------------------------------------------------

    def replica_path(self, slug: str) -> Path:
        if not re.fullmatch("[a-z0-9-]+", slug):
            raise NoSlug(f"{slug!r} is the name of no workspace")
        return self.folder / f"{slug}.sqlite"

    def _replica_paths(self) -> list[Path]:
        return sorted(self.folder.glob("*.sqlite"))

    def replica(self, slug: str | None = None) -> Replica:
        """The replica of a workspace, or the only one."""
        paths = [self.replica_path(slug)] if slug else self._replica_paths()
        if len(paths) != 1 or not paths[0].exists():
            raise FileNotFoundError("clone a workspace first, or name one of several with --workspace")
        return Replica(paths[0], self.schema)

    def clone(self, slug: str, from_entries: bool = False) -> Report:
        """Makes a replica, of the snapshot or of the entries alone, and syncs it.

        It gets its name once it is whole, so that nobody edits it before, and replaces none. A failed one leaves what
        it has of a download, and nothing else.
        """
        path = self.replica_path(slug)
        _refuse_taken(path)
        with self.server() as server, private.locked(path):
            try:
                _refuse_taken(path)
                return self._made(server, slug, path, from_entries)
            finally:
                private.lock_path(path).unlink(missing_ok=True)

    def _made(self, server: Server, slug: str, path: Path, from_entries: bool) -> Report:
        info = server.call("GET", workspace_path(slug), answers.WORKSPACE)  # Where there is none, no file is begun.
        made = private.new_file(path)
        try:
            with Replica.create(made, self.schema, slug, info["epoch"]) as replica:
                if from_entries:
                    replay(server, replica)
                else:
                    _download(server, replica, path.with_name(f"{path.name}.snapshot"))
                report = sync(server, replica)
            _give_name(path, made)
        finally:
            for leftover in made.parent.glob(f"{made.name}*"):
                leftover.unlink()
        report.kept_aside.clear()
        return report


def _download(server: Server, replica: Replica, file: Path) -> None:
    snapshot.download(server, replica.slug, file)
    with snapshot.opened(file, replica.schema) as state:
        replica.start_from(state)
    file.unlink()


def _refuse_taken(path: Path) -> None:
    if path.exists():
        raise FileExistsError(f"there is a replica at {path} already")


def _give_name(path: Path, made: Path) -> None:
    """In one step that fails where a file has the name; where a file system knows no hard links, a look has to do."""
    try:
        os.link(made, path)
    except OSError:
        _refuse_taken(path)
        made.rename(path)


def _public_key(path: Path) -> bytes:
    """Of the P-256 key in a file, made if there is none, the public point in X9.63 form: the end of its DER."""
    if not path.exists():
        private.write_file(path, _openssl("ecparam", "-name", "prime256v1", "-genkey", "-noout"))
    return _openssl("ec", "-in", str(path), "-pubout", "-outform", "DER")[-_POINT_BYTES:]


def _openssl(*arguments: str) -> bytes:
    try:
        return subprocess.run(["openssl", *arguments], check=True, capture_output=True).stdout
    except (OSError, subprocess.SubprocessError) as error:
        raise NoKey(f"openssl {arguments[0]} failed: {error}") from error

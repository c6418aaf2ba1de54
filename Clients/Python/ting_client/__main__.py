# SPDX-License-Identifier: Apache-2.0
"""The command `python3 -m ting_client`."""

from __future__ import annotations

import argparse
import json
import os
import socket
import sqlite3
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TextIO

from . import limits
from .canonical import Value
from .edits import Draft, NotHere, other_value, settle
from .errors import Failure, UsageError
from .home import Home
from .records import Record
from .replica import DigestMismatch, Replica
from .sync import Report, sync


_QUARANTINED = 5
_STORAGE = {
    sqlite3.SQLITE_FULL: (
        "the disk is full",
        "Make room on it, then do it again. Nothing has changed; edits are kept.",
    ),
    sqlite3.SQLITE_IOERR: (
        "the disk failed under the replica's file",
        "Look after the disk, and copy the file before anything else: edits may wait in it.",
    ),
    sqlite3.SQLITE_BUSY: (
        "another program uses the replica's file",
        "Try again when that has ended. Nothing has changed; edits are kept.",
    ),
}
_DAMAGED = "Keep the file, for edits may wait in it; clone the workspace again in a folder of its own: --home FOLDER."


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs a command and gives its exit code; whatever fails is told in a sentence."""
    given = _parser().parse_args(arguments)
    try:
        return given.run(given, Home(Path(given.home).expanduser())) or 0
    except Failure as error:
        return _fail(str(error), error.remedy, error.exit_code)
    except sqlite3.Error as error:
        sentence, remedy = _STORAGE.get(_kind(error), ("the replica's file can't be used", _DAMAGED))
        return _fail(f"{sentence}: {error}", remedy)
    except (OSError, ValueError) as error:
        return _fail(str(error) or type(error).__name__)


def _kind(error: sqlite3.Error) -> int:
    """The primary result code of SQLite: the low byte of the one that it gave."""
    return getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF


def _fail(sentence: str, remedy: str = "", exit_code: int = 1) -> int:
    for line in filter(None, (sentence, remedy)):
        _say(f"ting_client: {line}", sys.stderr)
    return exit_code


def _say(line: str, stream: TextIO | None = None) -> None:
    """Prints a line; characters that a terminal would obey stand as their code points."""
    print("".join(one if one.isprintable() else f"\\u{ord(one):04x}" for one in line), file=stream)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="ting_client", description="Edit a Ting workspace offline and sync it.")
    parser.add_argument(
        "--home", default=os.environ.get("TING_CLIENT_HOME", "~/.ting-client"), help="the device's folder"
    )
    parser.add_argument("--workspace", help="which replica, where there are several")
    commands = parser.add_subparsers(required=True, metavar="command")

    def command(name: str, run: object, text: str, *names: str) -> argparse.ArgumentParser:
        one = commands.add_parser(name, help=text)
        one.set_defaults(run=run)
        for argument in names:
            one.add_argument(argument)
        return one

    command("join", _join, "trade a join address for access", "address")
    clone = command("clone", _clone, "make a replica", "slug")
    clone.add_argument(
        "--from-entries", action="store_true", help="replay the history instead of downloading the snapshot"
    )
    command("list", _list, "show the records of a collection", "collection")
    for edit in (
        command("add", _add, "add a record", "collection"),
        command("set", _set, "set fields of a record", "record"),
    ):
        edit.add_argument(
            "pairs", nargs="*", metavar="FIELD=VALUE", help="an empty value clears; a set stands between commas"
        )
        edit.add_argument("--message", default="", help="what the edit is for")
    command("delete", _delete, "delete a record and all below it", "record")
    command("restore", _restore, "bring a deleted record back", "record")
    command("conflicts", _conflicts, "show what to settle")
    command("resolve", _resolve, "settle a conflict: keep, take or value=V", "conflict", "choice")
    quarantine = command("quarantine", _quarantine, "show what was rejected")
    quarantine.add_argument("--retry", metavar="ID", nargs="+", help="have them judged again, all or none")
    quarantine.add_argument("--discard", metavar="ID", help="forget the edits")
    outbox = command("outbox", _outbox, "show what waits to be synced")
    outbox.add_argument("--discard", metavar="ID", help="forget the edits, which the server has not accepted")
    command("sync", _sync, "exchange with the server")
    command("verify", _verify, "recompute both digests")
    return parser


def _join(given: argparse.Namespace, home: Home) -> None:
    answer = home.join(given.address, socket.gethostname())
    slugs = " ".join(one["slug"] for one in answer.get("workspaces", []))
    _say(f"joined as {answer.get('name', '')} <{answer.get('email', '')}>: {slugs}")


def _clone(given: argparse.Namespace, home: Home) -> None:
    report = home.clone(given.slug, given.from_entries)
    _say(f"cloned {given.slug} at version {report.version}")


def _list(given: argparse.Namespace, home: Home) -> None:
    for one in home.replica(given.workspace).records(given.collection):
        _say(f"{one.id} {json.dumps(one.values, ensure_ascii=False, sort_keys=True)}")


def _add(given: argparse.Namespace, home: Home) -> None:
    replica = home.replica(given.workspace)
    draft = Draft(replica, given.message)
    record = draft.insert(given.collection, _values(replica, given.collection, given.pairs))
    draft.seal()
    _say(record)


def _set(given: argparse.Namespace, home: Home) -> None:
    replica = home.replica(given.workspace)
    present = _find(replica, given.record)
    draft = Draft(replica, given.message)
    draft.update(present.id, _values(replica, present.collection, given.pairs))
    draft.seal()


def _values(replica: Replica, collection: str, pairs: Sequence[str]) -> dict[str, Value]:
    parted = [pair.partition("=") for pair in pairs]
    for pair, (name, equals, _) in zip(pairs, parted, strict=True):
        if not name or not equals:
            raise UsageError(f"write FIELD=VALUE, not {pair!r}; FIELD= clears the field")
    return {name: replica.schema.parse(collection, name, text) for name, _, text in parted}


def _find(replica: Replica, tail: str, collection: str | None = None) -> Record:
    """The live record whose id ends so; of the collection `conflict` only where that is named."""
    if len(tail) < limits.SHORT_ID_LENGTH:
        raise UsageError(f"name a record by {limits.SHORT_ID_LENGTH} characters or more of the end of its id")
    names = [collection] if collection else [name for name in replica.schema.collections if name != "conflict"]
    found = [one for name in names for one in replica.records(name) if one.id.endswith(tail)]
    if len(found) != 1:
        raise NotHere(f"{len(found)} records have an id that ends in {tail}")
    return found[0]


def _delete(given: argparse.Namespace, home: Home) -> None:
    replica = home.replica(given.workspace)
    draft = Draft(replica)
    draft.delete_with_children(_find(replica, given.record).id)
    change_set = draft.seal()
    _say(f"deleted {len(change_set['operations']) if change_set else 0}")


def _restore(given: argparse.Namespace, home: Home) -> None:
    draft = Draft(home.replica(given.workspace))
    draft.restore(given.record)
    draft.seal()


def _conflicts(given: argparse.Namespace, home: Home) -> None:
    replica = home.replica(given.workspace)
    for row in replica.records("conflict"):
        if row.values.get("status") == "settled":
            continue
        names = [replica.member_name(str(row.values.get(by, ""))) for by in ("kept_by", "other_by")]
        place = " ".join(str(row.values[name]) for name in ("collection", "record", "field") if name in row.values)
        _say(f"{row.id} {row.values['kind']} {place}: kept {names[0]}'s; {names[1]} has {other_value(row)!r}")


def _resolve(given: argparse.Namespace, home: Home) -> None:
    replica = home.replica(given.workspace)
    row = _find(replica, given.conflict, "conflict")
    choice, equals, text = given.choice.partition("=")
    if (choice, equals) not in (("keep", ""), ("take", ""), ("value", "=")):
        raise UsageError(f"choose keep, take or value=V, not {given.choice!r}")
    field = row.values.get("field")
    value = replica.schema.parse(str(row.values["collection"]), str(field), text) if equals and field else None
    settle(replica, row.id, choice, value)


def _quarantine(given: argparse.Namespace, home: Home) -> None:
    replica = home.replica(given.workspace)
    if given.retry is not None and not replica.retry(*given.retry):
        raise NotHere(f"not all of these are in quarantine: {' '.join(given.retry)}")
    if given.discard is not None and not replica.discard(given.discard):
        raise NotHere(f"there is no change set {given.discard} in quarantine")
    for own_id, code, detail, change_set in replica.quarantine():
        _say(f"{own_id} {code} {detail} ({len(change_set['operations'])} operations)")


def _outbox(given: argparse.Namespace, home: Home) -> None:
    replica = home.replica(given.workspace)
    if given.discard is not None and not replica.discard_waiting(given.discard):
        raise NotHere(f"there is no change set {given.discard} in the outbox that the server has not accepted")
    for one in replica.outbox():
        state = "" if one.accepted is None else f"accepted as version {one.accepted} "
        _say(f"{one.change_set['id']} {state}({len(one.change_set['operations'])} operations)")


def _sync(given: argparse.Namespace, home: Home) -> int:
    with home.server() as server:
        report = sync(server, home.replica(given.workspace))
    _print_report(report)
    return _QUARANTINED if report.rejected else 0


def _print_report(report: Report) -> None:
    applied, merged = len(report.accepted), len(report.merged)
    _say(f"version {report.version}: {applied} applied, {merged} merged, {report.received} received")
    for own_id, code, detail in report.rejected:
        _say(f"rejected {own_id}: {code}: {detail}")
    for own_id, code in report.deferred:
        _say(f"waits {own_id}: {code}")
    if report.renamed:
        _say("this file was a copy of another replica, and has a new id")
    if report.mended:
        _say(f"{report.mended} records differed from the server's and were put right")
    for path in report.kept_aside:
        _say(f"went on from the server's snapshot; the file as it was is {path}")
    if report.given_back:
        _say(f"gave back {report.given_back} change sets that the server had lost")


def _verify(given: argparse.Namespace, home: Home) -> None:
    replica = home.replica(given.workspace)
    for line in (f"version {replica.version}", f"state    {replica.state_digest}", f"history  {replica.history_digest}"):
        _say(line)
    if (version := replica.broken_link()) is not None:
        raise DigestMismatch(
            f"the entry of version {version} is missing or damaged",
            "Sync, then clone the workspace again in a folder of its own: --home FOLDER.",
        )
    if replica.recomputed_buckets().digest().hex() != replica.state_digest:
        raise DigestMismatch("the records don't give the state digest: the next sync mends them")


if __name__ == "__main__":
    sys.exit(main())

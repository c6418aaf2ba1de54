# SPDX-License-Identifier: Apache-2.0
"""Downloading a server's snapshot by checked blocks, and reading what is in it (spec/snapshot.md)."""

from __future__ import annotations

import base64
import hashlib
import json
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from .canonical import Json, Value, change_set_from_stored, decode, effects_from_stored
from .errors import Failure
from .records import Record
from .replica import State
from .schema import Field, Schema, schema_from
from .wire import Server, workspace_path

_TRIES, _FORMAT = 3, 1


class SnapshotDamaged(Failure):
    """Bytes that differ from the manifest's hashes."""


class _Replaced(Exception):
    """The server made a newer snapshot during the download."""


def download(server: Server, slug: str, target: Path) -> Json:
    """Fetches the snapshot into a file, block by block; blocks that are there already aren't fetched again."""
    for _ in range(_TRIES):
        manifest = server.call("GET", workspace_path(slug, "/snapshot/manifest"))
        try:
            _fetch_blocks(server, slug, manifest, target)
        except _Replaced:
            continue
        with target.open("rb") as file:
            if hashlib.file_digest(file, "sha256").hexdigest() != manifest["hash"]:
                raise SnapshotDamaged("the whole file differs from the manifest's hash")
        return manifest
    raise SnapshotDamaged("the snapshot changed at every try")


def _fetch_blocks(server: Server, slug: str, manifest: Json, target: Path) -> None:
    size, block = int(manifest["bytes"]), int(manifest["block_bytes"])
    target.touch()
    with target.open("r+b") as file:
        for index, expected in enumerate(manifest["block_hashes"]):
            start, end = index * block, min(size, (index + 1) * block)
            file.seek(start)
            if hashlib.sha256(file.read(end - start)).hexdigest() == expected:
                continue
            headers, data = server.exchange(
                "GET", workspace_path(slug, "/snapshot"), headers={"Range": f"bytes={start}-{end - 1}", "Accept": "*/*"}
            )
            if headers["Ting-Hash"] != manifest["hash"]:
                raise _Replaced
            if hashlib.sha256(data).hexdigest() != expected:
                raise SnapshotDamaged(f"block {index} differs from its hash")
            file.seek(start)
            file.write(data)
        file.truncate(size)


@contextmanager
def opened(path: Path, schema: Schema) -> Iterator[State]:
    """The state that a downloaded snapshot holds, read as it is taken. The file is never written."""
    database = sqlite3.connect(f"{path.as_uri()}?mode=ro&immutable=1", uri=True)
    try:
        [(layout, epoch, version)] = database.execute("SELECT format, epoch, version FROM ting_replica").fetchall()
        if layout != _FORMAT:
            raise SnapshotDamaged(f"the snapshot has the format {layout}, which this program does not know")
        newer = _newer_schema(database, schema)
        known = schema_from(newer) if newer else schema
        yield State(epoch, version, _records(database, known), _entries(database), newer, _history(database))
    finally:
        database.close()


def _newer_schema(database: sqlite3.Connection, schema: Schema) -> str | None:
    """The JSON of the snapshot's schema, if it is newer than the one known."""
    if not database.execute("SELECT 1 FROM sqlite_schema WHERE name = 'ting_schema'").fetchone():
        return None
    [(text,)] = database.execute("SELECT json FROM ting_schema").fetchall()
    newer = schema_from(text)
    if newer.version <= schema.version:
        return None
    newer.check_follows(schema)
    return str(text)


def _records(database: sqlite3.Connection, schema: Schema) -> Iterator[tuple[Record, int | None]]:
    """A table for each collection, a column for each field; deleted records stand apart, with their last values."""
    for collection, all_fields in schema.collections.items():
        there = {row[1] for row in database.execute(f'PRAGMA table_info("{collection}")')}
        if not there:
            continue  # the snapshot is of an older schema
        fields = {name: field for name, field in all_fields.items() if name in there}
        columns = ", ".join(f'"{name}"' for name in fields)
        for row in database.execute(f'SELECT id, {columns} FROM "{collection}"'):
            values = {name: _value(field, cell) for (name, field), cell in zip(fields.items(), row[1:], strict=True)}
            unlike = {name: value for name, value in values.items() if value != fields[name].default}
            yield Record(row[0], collection, True, unlike), None
    deleted = database.execute("SELECT record, collection, body, deleted FROM ting_shared WHERE state = 'deleted'")
    for record, collection, body, version in deleted:
        yield Record(record, collection, False, decode(body)), version


def _value(field: Field, cell: object) -> Value:
    return json.loads(str(cell)) if field.type == "set" else cell  # type: ignore[return-value]


def _history(database: sqlite3.Connection) -> Callable[[str], bool]:
    """Whether a change set is in it; below the floor nobody can tell."""
    there = database.execute("SELECT 1 FROM sqlite_schema WHERE name = 'ting_floor'").fetchone()
    if there and database.execute("SELECT 1 FROM ting_floor").fetchone():
        return lambda change_set: True
    find = "SELECT 1 FROM history WHERE change_set = ?"
    return lambda change_set: database.execute(find, (change_set,)).fetchone() is not None


def _entries(database: sqlite3.Connection) -> Iterator[tuple[Json, bytes]]:
    rows = database.execute(
        "SELECT version, author, accepted, replica, number, shift, receipt, e.change_set, effects, history_digest"
        " FROM history JOIN ting_entry e USING (version) ORDER BY version"
    )
    for version, author, accepted, replica, number, shift, receipt, change_set, effects, digest in rows:
        entry: Json = {
            "version": str(version),
            "change_set": change_set_from_stored(change_set),
            "author": author,
            "replica": replica,
            "number": str(number),
            "accepted": str(accepted),
            "shift": str(shift),
            "receipt": base64.b64encode(receipt).decode("ascii"),
        }
        merged = {"merged": True, "effects": effects_from_stored(effects)} if effects is not None else {}
        yield entry | merged, digest

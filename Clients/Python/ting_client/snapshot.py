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
from typing import TypeVar

from . import answers, private
from .canonical import Json, Value, change_set_from_stored, decode, effects_from_stored, id_bytes
from .errors import Failure
from .records import Record
from .replica import State
from .schema import Field, Schema, schema_from
from .wire import ANSWER_BYTES, FileReplaced, Server, workspace_path

_TRIES, _FORMAT = 3, 1
_FILE_BYTES = 1 << 34
"""What a snapshot may have: many times a workspace of a million records."""
_CELL_BYTES = 1 << 26
"""What one row of it may have: a few dozen of the longest texts."""
_LEAST_ROW_BYTES = 36
"""What each of its rows has at least, an id: of a damaged file there might be read more rows than are in it."""
_UNREADABLE = (sqlite3.Error, ValueError, LookupError, TypeError, RecursionError)
"""What reading a file raises whose content is not that of a snapshot."""

Item = TypeVar("Item")


class SnapshotDamaged(Failure):
    """A snapshot that differs from its hashes, or that can't be read."""

    remedy = "Try again; if it stays so, tell the server's operator. Edits are kept."


class _Differs(Exception):
    """Bytes are not those of the manifest: another snapshot may have come in between."""


def download(server: Server, slug: str, target: Path) -> Json:
    """Fetches the snapshot into a file, block by block; blocks that are there already aren't fetched again.

    A file that an earlier download left is gone on with. At a difference, manifest and block are asked for anew.
    """
    private.make_file(target)
    for _ in range(_TRIES):
        manifest = server.call("GET", workspace_path(slug, "/snapshot/manifest"), answers.MANIFEST)
        try:
            _fetch_blocks(server, slug, manifest, target)
        except (FileReplaced, _Differs):
            continue
        return manifest
    raise SnapshotDamaged("the snapshot differed from its hashes, or changed, at every try")


def _fetch_blocks(server: Server, slug: str, manifest: Json, target: Path) -> None:
    size, block = int(manifest.get("bytes", 0)), int(manifest.get("block_bytes", 0))
    hashes = manifest.get("block_hashes", [])
    if not 0 < block <= ANSWER_BYTES or size > _FILE_BYTES or len(hashes) != -(-size // block):
        raise SnapshotDamaged("the numbers of the snapshot's manifest don't fit together")
    with target.open("r+b") as file:
        for index, expected in enumerate(hashes):
            start, end = index * block, min(size, (index + 1) * block)
            file.seek(start)
            if hashlib.sha256(file.read(end - start)).hexdigest() == expected:
                continue
            data = server.part(workspace_path(slug, "/snapshot"), start, end, manifest["hash"])
            if hashlib.sha256(data).hexdigest() != expected:
                raise _Differs
            file.seek(start)
            file.write(data)
        file.truncate(size)
        file.seek(0)
        if hashlib.file_digest(file, "sha256").hexdigest() != manifest["hash"]:
            raise _Differs


@contextmanager
def opened(path: Path, schema: Schema) -> Iterator[State]:
    """The state that a downloaded snapshot holds, read as it is taken. The file is never written."""
    database = sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro&immutable=1", uri=True)
    database.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, _CELL_BYTES)
    try:
        yield _state(database, schema, path.stat().st_size // _LEAST_ROW_BYTES)
    finally:
        database.close()


def _state(database: sqlite3.Connection, schema: Schema, most: int) -> State:
    with _readable():
        if not {"ting_replica", "ting_shared", "history", "ting_entry"} <= _tables(database):
            raise SnapshotDamaged("the snapshot lacks a table")
        [(layout, epoch, version)] = database.execute("SELECT format, epoch, version FROM ting_replica").fetchall()
        if layout != _FORMAT:
            raise SnapshotDamaged(f"the snapshot has the format {layout}, which this program does not know")
        id_bytes(epoch)
        newer = _newer_schema(database, schema)
        known = schema_from(newer) if newer else schema
        records, entries = _each(_records(database, known), most), _each(_entries(database), most)
        return State(epoch, int(version), records, entries, newer, _history(database))


@contextmanager
def _readable() -> Iterator[None]:
    try:
        yield
    except _UNREADABLE as error:
        raise SnapshotDamaged(f"the snapshot can't be read: {error}") from error


def _each(items: Iterator[Item], most: int) -> Iterator[Item]:
    """The items; what can't be read of them, or is too many, is the snapshot's fault."""
    with _readable():
        for count, item in enumerate(items):
            if count >= most:
                raise SnapshotDamaged("the snapshot has more rows than its bytes can hold")
            yield item


def _tables(database: sqlite3.Connection) -> set[str]:
    """The names of what is stored rows: of a view, or a virtual table, there may be any number."""
    find = "SELECT name FROM sqlite_schema WHERE type = 'table' AND sql LIKE 'CREATE TABLE %'"
    return {str(row[0]) for row in database.execute(find)}


def _newer_schema(database: sqlite3.Connection, schema: Schema) -> str | None:
    """The JSON of the snapshot's schema, if it is newer than the one known."""
    if "ting_schema" not in _tables(database):
        return None
    [(text,)] = database.execute("SELECT json FROM ting_schema").fetchall()
    newer = schema_from(text)
    if newer.version <= schema.version:
        return None
    newer.check_follows(schema)
    return str(text)


def _records(database: sqlite3.Connection, schema: Schema) -> Iterator[tuple[Record, int | None]]:
    """A table for each collection, a column for each field; deleted records stand apart, with their last values."""
    tables = _tables(database)
    for collection, all_fields in schema.collections.items():
        if collection not in tables:
            continue  # the snapshot is of an older schema
        there = {row[1] for row in database.execute(f'PRAGMA table_info("{collection}")')}
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
    if field.type == "set":
        return list(map(str, json.loads(str(cell))))
    if cell is None or isinstance(cell, int | str):
        return cell
    raise TypeError(f"{field.name} holds a {type(cell).__name__}")


def _history(database: sqlite3.Connection) -> Callable[[str], bool]:
    """Whether a change set is in it; below the floor nobody can tell."""
    if "ting_floor" in _tables(database) and database.execute("SELECT 1 FROM ting_floor").fetchone():
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

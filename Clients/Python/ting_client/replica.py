# SPDX-License-Identifier: Apache-2.0
"""A replica in one SQLite file: the shared state, its history, the outbox, the quarantine.

The tables hold the state of the history alone. What a member sees is that state with the outbox on top, computed when
it is read, so that taking a rejected change set out is deleting one row.
"""

from __future__ import annotations

import json
import re
import sqlite3
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from . import limits, private
from .canonical import Json, change_set_hash, entry_effects, ordered_id, value_from_json
from .digests import EMPTY_HISTORY, Buckets, link_entry
from .errors import Failure
from .records import Record, after_effect, after_operation, behind_what_they_list, dependents
from .schema import Schema, schema_from

_QUARANTINE = """CREATE TABLE quarantine (
  seq INTEGER PRIMARY KEY, id TEXT UNIQUE NOT NULL, code TEXT NOT NULL, detail TEXT NOT NULL, hash TEXT NOT NULL,
  body TEXT NOT NULL)"""
_LAYOUT = f"""
CREATE TABLE meta (key TEXT PRIMARY KEY, value) WITHOUT ROWID;
CREATE TABLE record (
  id TEXT PRIMARY KEY, collection TEXT NOT NULL, live INTEGER NOT NULL, body TEXT NOT NULL, deleted INTEGER
) WITHOUT ROWID;
CREATE INDEX record_collection ON record (collection);
CREATE TABLE entry (version INTEGER PRIMARY KEY, history TEXT NOT NULL, body TEXT NOT NULL);
CREATE TABLE outbox (
  number INTEGER PRIMARY KEY, id TEXT UNIQUE NOT NULL, hash TEXT NOT NULL, body TEXT NOT NULL, accepted INTEGER);
CREATE TABLE link (hash TEXT PRIMARY KEY, seen TEXT NOT NULL) WITHOUT ROWID;
{_QUARANTINE};
CREATE TABLE member (
  id TEXT PRIMARY KEY, name TEXT NOT NULL, email TEXT NOT NULL, role TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE mended (id TEXT NOT NULL, was TEXT, time INTEGER NOT NULL);
"""
_QUARANTINE_IN_ORDER = f"""
ALTER TABLE quarantine RENAME TO quarantine_by_id;
{_QUARANTINE};
INSERT INTO quarantine (id, code, detail, hash, body)
  SELECT id, code, detail, hash, body FROM quarantine_by_id ORDER BY CAST(body ->> '$.time' AS INTEGER), id;
DROP TABLE quarantine_by_id
"""
"""For a file of before, which lost the order of edits: of its change sets the times are left."""


class DigestMismatch(Failure):
    """The replica and the server don't hold the same; nothing of the page was kept."""


class StateMismatch(DigestMismatch):
    """The records alone differ: they can be mended."""


class SchemaBehind(Failure):
    """An entry names what the replica's schema doesn't have; nothing of the page was kept."""

    remedy = "Install the newest version, then sync again. Edits are kept."


class OtherMember(Failure):
    """The replica is another member's: what waits in it was written by them."""

    remedy = "Sync it with the sign-in of its member, or clone the workspace in a folder of its own: --home FOLDER."


class NoReplica(Failure):
    """The file lacks what every replica has."""

    remedy = "Keep the file, for edits may wait in it; clone the workspace again in a folder of its own: --home FOLDER."


@dataclass(frozen=True)
class Pending:
    """A change set of the outbox; `accepted` is its version once the server told, before it is integrated."""

    number: int
    hash: str
    change_set: Json
    accepted: int | None


@dataclass(frozen=True)
class State:
    """What a replica starts from: a history up to a version, and the records that it made."""

    epoch: str
    version: int
    records: Iterable[tuple[Record, int | None]]
    """Each with the version that deleted it, if one did."""
    entries: Iterable[tuple[Json, bytes]]
    """Each with the history digest after it."""
    schema: str | None = None
    """The JSON of a schema newer than the program's."""
    holds: Callable[[str], bool] = lambda _: True
    """Whether a change set is in the history, as far as that goes back."""


def _compact(item: object) -> str:
    return json.dumps(item, ensure_ascii=False, sort_keys=True, separators=(",", ":"))


class Replica:
    """One workspace's replica; every change of it is one transaction."""

    def __init__(self, path: Path, schema: Schema) -> None:
        self.path, self.schema = path, schema
        self._db = sqlite3.connect(path, isolation_level=None, timeout=limits.REPLICA_BUSY_SECONDS)
        self._db.execute("PRAGMA synchronous = FULL")
        if self._db.execute("SELECT 1 FROM sqlite_schema WHERE name = 'meta'").fetchone():
            self._use(self._db.execute("SELECT value FROM meta WHERE key = 'schema'").fetchone())
            self._order_quarantine()

    def _order_quarantine(self) -> None:
        """Gives the quarantine of an older program's file the order that it lacks."""
        find = "SELECT 1 FROM sqlite_schema WHERE name = 'quarantine' AND sql NOT LIKE '%seq INTEGER%'"
        if self._db.execute(find).fetchone():
            with self.transaction():
                for statement in _QUARANTINE_IN_ORDER.split(";") if self._db.execute(find).fetchone() else ():
                    self._db.execute(statement)

    @classmethod
    def create(cls, path: Path, schema: Schema, slug: str, epoch: str) -> Replica:
        """An empty replica at version 0 under a new id."""
        replica = cls(private.make_file(path), schema)
        with replica.transaction():
            for statement in _LAYOUT.split(";"):
                replica._db.execute(statement)
            replica._set_meta(slug=slug, epoch=epoch, version=0, replica=ordered_id(), next_number=1)
            replica._set_meta(members_version=0, role="", restarts="[]", buckets=Buckets().packed())
        return replica

    def __enter__(self) -> Replica:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self._db.close()

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Waits for the end of every other sync of this replica, and lets none begin meanwhile."""
        with private.locked(self.path):
            yield

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All that is written within, or nothing of it; within another it is a part of that."""
        with self._begun("BEGIN IMMEDIATE"):
            yield

    @contextmanager
    def at_one_moment(self) -> Iterator[None]:
        """What is read within is of one state of the file, whatever other programs write meanwhile."""
        with self._begun("BEGIN"):
            yield

    @contextmanager
    def _begun(self, begin: str) -> Iterator[None]:
        if self._db.in_transaction:
            yield
            return
        self._db.execute(begin)
        try:
            yield
            self._db.execute("COMMIT")
        except BaseException:
            # A full disk has ended it already; a file that another program reads has not.
            if self._db.in_transaction:
                self._db.execute("ROLLBACK")
            raise

    # --- What the replica knows of itself ---------------------------------------------------------

    def _meta(self, key: str) -> object:
        row = self._db.execute("SELECT value FROM meta WHERE key = ?", (key,)).fetchone()
        if row is None:
            raise NoReplica(f"{self.path} is no whole replica: it has no {key}")
        return row[0]

    def _set_meta(self, **pairs: object) -> None:
        self._db.executemany("INSERT OR REPLACE INTO meta VALUES (?, ?)", pairs.items())

    def _use(self, held: tuple[str] | None) -> None:
        """Goes by the schema that the file holds, if that is newer than the program's."""
        if held is not None and (newer := schema_from(held[0])).version > self.schema.version:
            self.schema = newer

    def take_schema(self, text: str) -> None:
        """Keeps a newer schema that a server sent: from now on it says what is a default (spec/sync.md#schemas)."""
        newer = schema_from(text)
        newer.check_follows(self.schema)
        with self.transaction():
            self._set_meta(schema=text)
        self.schema = newer

    @property
    def slug(self) -> str:
        return str(self._meta("slug"))

    @property
    def epoch(self) -> str:
        return str(self._meta("epoch"))

    @property
    def version(self) -> int:
        return int(str(self._meta("version")))

    @property
    def replica_id(self) -> str:
        return str(self._meta("replica"))

    @property
    def member(self) -> str | None:
        """Whose replica it is; nobody's yet before the first sync."""
        row = self._db.execute("SELECT value FROM meta WHERE key = 'member'").fetchone()
        return str(row[0]) if row else None

    def claim(self, member: str) -> None:
        """Makes the replica a member's, once for all; raises `OtherMember` where it is another's."""
        if self.member is None:
            with self.transaction():
                self._set_meta(member=member)
        elif self.member != member:
            raise OtherMember(f"{self.path} is the replica of another member")

    @property
    def members_version(self) -> int:
        return int(str(self._meta("members_version")))

    @property
    def role(self) -> str:
        return str(self._meta("role"))

    @property
    def base(self) -> Json:
        return {"epoch": self.epoch, "version": str(self.version)}

    @property
    def history_digest(self) -> str:
        """The digest at the version; where that is lost, one that no server takes for it."""
        digest = self.history_digest_at(self.version) or ""
        return digest if re.fullmatch("[0-9a-f]{64}", digest) else EMPTY_HISTORY.hex()

    def standing(self) -> tuple[object, ...]:
        """What differs as soon as a member sees something else here: by a sync, a draft, or a mending."""
        counts = self._db.execute("SELECT count(*), max(number), (SELECT count(*) FROM mended) FROM outbox").fetchone()
        return self.epoch, self.version, self.replica_id, *counts

    def history_digest_at(self, version: int) -> str | None:
        """The history digest at a version; nothing where this history does not reach."""
        row = self._db.execute("SELECT history FROM entry WHERE version = ?", (version,)).fetchone()
        return row[0] if row else EMPTY_HISTORY.hex() if version == 0 else None

    @property
    def state_digest(self) -> str:
        return self._buckets().digest().hex()

    def _buckets(self) -> Buckets:
        return Buckets(bytes(self._meta("buckets")))  # type: ignore[call-overload]

    # --- Records ----------------------------------------------------------------------------------

    def shared(self, record: str) -> Record | None:
        """A record as the history has it, without what is pending."""
        row = self._db.execute("SELECT id, collection, live, body FROM record WHERE id = ?", (record,)).fetchone()
        return _record(row) if row else None

    def all_shared(self, collection: str | None = None) -> Iterator[Record]:
        rows = self._db.execute(
            "SELECT id, collection, live, body FROM record WHERE ?1 IS NULL OR collection = ?1 ORDER BY id",
            (collection,),
        )
        return map(_record, rows)

    def record(self, record: str) -> Record | None:
        """A record as a member sees it, or nothing where there is no live one."""
        shown = self.last_seen(record)
        return shown if shown and shown.live else None

    def last_seen(self, record: str) -> Record | None:
        """A record with the outbox on top; a deleted one as it last was."""
        shown = self.shared(record)
        for operation in self._pending_operations():
            if operation["record"] == record:
                shown = after_operation(self.schema, shown, operation)
        return shown

    def records(self, collection: str) -> list[Record]:
        """The live records of a collection as a member sees them."""
        self.schema.fields(collection)
        shown: dict[str, Record | None] = {one.id: one for one in self.all_shared(collection)}
        for operation in self._pending_operations():
            if operation["collection"] == collection:
                shown[operation["record"]] = after_operation(self.schema, shown.get(operation["record"]), operation)
        return [one for _, one in sorted(shown.items()) if one and one.live]

    def children(self, record: str) -> list[Record]:
        """Live records whose parent field names this one."""
        return [
            one
            for collection, parent in self.schema.parents()
            for one in self.records(collection)
            if one.values.get(parent) == record
        ]

    def deleted_with(self, record: str) -> list[Record]:
        """The records below this one that the same version deleted, or the same change set that waits."""
        rows = self._db.execute(
            "SELECT id, collection, live, body FROM record WHERE NOT live AND deleted ="
            " (SELECT deleted FROM record WHERE id = ?)",
            (record,),
        )
        found = {one.id: one for one in map(_record, rows.fetchall())}
        for pending in self.outbox():
            deleted = [one["record"] for one in pending.change_set["operations"] if one["kind"] == "delete"]
            if record in deleted:
                found |= {one.id: one for one in map(self.last_seen, deleted) if one}
        parents = dict(self.schema.parents())
        return [
            one
            for _, one in sorted(found.items())
            if one.collection in parents and one.values.get(parents[one.collection]) == record
        ]

    def _pending_operations(self) -> Iterator[Json]:
        return (operation for pending in self.outbox() for operation in pending.change_set["operations"])

    # --- Outbox and quarantine --------------------------------------------------------------------

    def outbox(self) -> list[Pending]:
        rows = self._db.execute("SELECT number, hash, body, accepted FROM outbox ORDER BY number")
        return [Pending(number, digest, json.loads(body), accepted) for number, digest, body, accepted in rows]

    def put_in_outbox(self, change_set: Json) -> None:
        """Notes a sealed change set under the next number."""
        with self.transaction():
            self._enqueue(change_set)

    def _enqueue(self, change_set: Json) -> None:
        number = int(str(self._meta("next_number")))
        digest = change_set_hash(change_set).hex()
        self._db.execute(
            "INSERT INTO outbox VALUES (?, ?, ?, ?, NULL)", (number, change_set["id"], digest, _compact(change_set))
        )
        self._set_meta(next_number=number + 1)

    def links(self) -> list[Json]:
        """What change sets listed that left the outbox unaccepted, while others may list them."""
        return [{"hash": row[0], "seen": json.loads(row[1])} for row in self._db.execute("SELECT hash, seen FROM link")]

    def forget_accepted(self) -> None:
        """Has all of the outbox sent again: what the server accepted it may have lost since (spec/sync.md#verdicts)."""
        with self.transaction():
            self._db.execute("UPDATE outbox SET accepted = NULL")

    def mark_accepted(self, change_set: str, version: int) -> None:
        """Keeps an accepted change set on top until its version is integrated; this sync sends it no more."""
        with self.transaction():
            if version <= self.version:
                if not self._holds(change_set, version):
                    return
                self._leave_outbox(change_set)
            self._db.execute("UPDATE outbox SET accepted = ? WHERE id = ?", (version, change_set))

    def _holds(self, change_set: str, version: int) -> bool:
        """Whether the version is the change set's, or lies below all that is kept here."""
        row = self._db.execute("SELECT body ->> '$.change_set.id' FROM entry WHERE version = ?", (version,)).fetchone()
        if row is not None:
            return bool(row[0] == change_set)
        first = self._db.execute("SELECT min(version) FROM entry").fetchone()[0]
        return first is not None and 0 < version < int(first)

    def reject(self, change_set: str, code: str, detail: str) -> None:
        """Moves a change set from the outbox to the quarantine; its edits are seen no more."""
        with self.transaction():
            self._db.execute(
                "INSERT OR REPLACE INTO quarantine (id, code, detail, hash, body)"
                " SELECT id, ?, ?, hash, body FROM outbox WHERE id = ?",
                (code, detail, change_set),
            )
            # A server that is restored knows of no rejection since.
            self._leave_outbox(change_set, accepted=False)

    def _leave_outbox(self, change_set: str, accepted: bool = True) -> None:
        if not accepted:
            self._db.execute(
                "INSERT OR IGNORE INTO link SELECT hash, coalesce(body ->> '$.seen', '[]') FROM outbox WHERE id = ?",
                (change_set,),
            )
        self._db.execute("DELETE FROM outbox WHERE id = ?", (change_set,))
        self._db.execute("DELETE FROM link WHERE NOT EXISTS (SELECT 1 FROM outbox)")

    def discard_waiting(self, change_set: str) -> bool:
        """Forgets a change set of the outbox, as its author asked, unless it is known that the server accepted it.

        What builds on a record that it alone made goes to the quarantine.
        """
        with self.alone(), self.transaction():
            outbox = [one for one in self.outbox() if one.accepted is None]
            given = next((one for one in outbox if one.change_set["id"] == change_set), None)
            if given is None:
                return False
            self._leave_outbox(change_set, accepted=False)
            made = {one["record"] for one in self._pending_operations() if one["kind"] == "insert"}
            gone = [
                one
                for one in given.change_set["operations"]
                if one["record"] not in made and self.shared(one["record"]) is None
            ]
            later = [one.change_set for one in outbox if one.number > given.number]
            for one in dependents({"operations": gone}, later):
                self.reject(one["id"], "depends_on_rejected", "It builds on a discarded change set.")
            return True

    def quarantine(self) -> list[tuple[str, str, str, Json]]:
        """(id, code, detail, change set) of what was rejected, in the order in which it was edited."""
        rows = self._db.execute("SELECT id, code, detail, body FROM quarantine ORDER BY seq")
        return [(row[0], row[1], row[2], json.loads(row[3])) for row in rows]

    def retry(self, *change_sets: str) -> bool:
        """Puts rejected change sets into the outbox under new numbers, to be judged anew: all of them, or none.

        Each comes behind those that it lists as seen, else in the order of edits.
        """
        with self.transaction():
            held = [one for own_id, _, _, one in self.quarantine() if own_id in change_sets]
            if len(held) != len(set(change_sets)):
                return False
            for one in behind_what_they_list(held):
                self._enqueue(one)
                self._db.execute("DELETE FROM quarantine WHERE id = ?", (one["id"],))
            return True

    def discard(self, change_set: str) -> bool:
        """Forgets a rejected change set, as its author asked."""
        with self.transaction():
            return self._db.execute("DELETE FROM quarantine WHERE id = ?", (change_set,)).rowcount == 1

    def take_new_id(self) -> None:
        """Becomes another replica: what is in the outbox is numbered from 1."""
        with self.transaction():
            self._rename()

    def _rename(self) -> None:
        ids = [row[0] for row in self._db.execute("SELECT id FROM outbox ORDER BY number")]
        self._db.execute("UPDATE outbox SET number = -number")
        for number, one in enumerate(ids, 1):
            self._db.execute("UPDATE outbox SET number = ? WHERE id = ?", (number, one))
        self._set_meta(replica=ordered_id(), next_number=len(ids) + 1)

    # --- Members ----------------------------------------------------------------------------------

    def set_members(self, members: Iterable[Json], version: int) -> None:
        with self.transaction():
            self._db.execute("DELETE FROM member")
            self._db.executemany(
                "INSERT INTO member VALUES (?, ?, ?, ?)",
                [(one["id"], one.get("name", ""), one.get("email", ""), one.get("role", "")) for one in members],
            )
            self._set_meta(members_version=version)

    def set_role(self, role: str) -> None:
        with self.transaction():
            self._set_meta(role=role)

    def member_name(self, member: str) -> str:
        row = self._db.execute("SELECT name FROM member WHERE id = ?", (member,)).fetchone()
        return row[0] if row else member

    # --- Integrating ------------------------------------------------------------------------------

    def integrate(self, entries: list[Json], history: str | None, state: str | None) -> None:
        """Sets the effects of whole versions; keeps nothing unless the digests after them are those given.

        Versions that are here already, since another program brought them meanwhile, are left out.
        """
        with self.transaction():
            digest, buckets, copied = bytes.fromhex(self.history_digest), self._buckets(), False
            end = int(entries[-1]["version"]) if entries else self.version
            for entry in entries:
                version = int(entry["version"])
                if version <= self.version:
                    continue
                if version != self.version + 1:
                    raise DigestMismatch(f"version {version} came after {self.version}")
                digest = link_entry(digest, entry)
                for effect in entry_effects(entry):
                    self._apply(effect, version, buckets)
                copied |= not self._is_expected(entry)
                self._note(entry, digest)
            if history is not None and self.history_digest_at(end) != history:
                raise DigestMismatch(f"the history at version {end} is not the server's")
            if state is not None and end == self.version and buckets.digest().hex() != state:
                raise StateMismatch(f"the records at version {self.version} are not the server's")
            self._set_meta(buckets=buckets.packed())
            if copied:
                self._rename()

    def _apply(self, effect: Json, version: int, buckets: Buckets) -> None:
        if not self.schema.knows(effect["collection"], (pair["field"] for pair in effect.get("values", []))):
            raise SchemaBehind(f"version {version} holds what neither this replica nor the server's schema has")
        before = self.shared(effect["record"])
        after = after_effect(self.schema, before, effect)
        if before and before.live:
            buckets.remove(before.collection, before.id, before.values)
        if after.live:
            buckets.add(after.collection, after.id, after.values)
        if after.live or before is None or before.live:
            self._put(after, None if after.live else version)

    def _put(self, record: Record, deleted: int | None) -> None:
        self._db.execute(
            "INSERT OR REPLACE INTO record VALUES (?, ?, ?, ?, ?)",
            (record.id, record.collection, record.live, _compact(record.values), deleted),
        )

    def _note(self, entry: Json, digest: bytes) -> None:
        version = int(entry["version"])
        self._db.execute("INSERT INTO entry VALUES (?, ?, ?)", (version, digest.hex(), _compact(entry)))
        self._set_meta(version=version)

    def _is_expected(self, entry: Json) -> bool:
        """Whether the entry is another replica's, or was or waited here; what waited leaves outbox or quarantine."""
        own = (entry["change_set"]["id"], change_set_hash(entry["change_set"]).hex())
        waited = self._db.execute("SELECT 1 FROM outbox WHERE id = ? AND hash = ?", own).fetchone()
        if waited:
            self._leave_outbox(own[0])
        held = self._db.execute("DELETE FROM quarantine WHERE id = ? AND hash = ?", own).rowcount
        was_here = int(entry["version"]) <= self._left_behind
        return bool(waited or held) or was_here or entry["replica"] != self.replica_id

    @property
    def _left_behind(self) -> int:
        """The version of this epoch that the replica had before it started over from an older one."""
        row = self._db.execute("SELECT value FROM meta WHERE key = 'left_behind'").fetchone()
        return int(row[0]) if row else 0

    def entries(self, since: int, byte_limit: int) -> list[Json]:
        """A page of the history after a version, at least one entry if there is one."""
        page: list[Json] = []
        rows = self._db.execute("SELECT body FROM entry WHERE version > ? ORDER BY version", (since,))
        for (body,) in rows:
            byte_limit -= len(body.encode("utf-8"))
            if page and byte_limit < 0:
                break
            page.append(json.loads(body))
        return page

    # --- Mending and starting over ----------------------------------------------------------------

    def recomputed_buckets(self) -> Buckets:
        """The sums of the records as they stand."""
        buckets = Buckets()
        for one in self.all_shared():
            if one.live:
                buckets.add(one.collection, one.id, one.values)
        return buckets

    def broken_link(self) -> int | None:
        """The first version whose entry does not give the history digest that is kept for it, if there is one.

        Of a history that does not begin at version 1 the oldest entry has nothing before it to be checked by.
        """
        at, digest = 0, EMPTY_HISTORY
        for version, history, body in self._db.execute("SELECT version, history, body FROM entry ORDER BY version"):
            is_oldest = at == 0 and version > 1
            try:
                if not is_oldest and (version != at + 1 or link_entry(digest, json.loads(body)).hex() != history):
                    return at + 1
                at, digest = version, bytes.fromhex(history)
            except (LookupError, TypeError, ValueError):
                return int(version)
        return None if at == self.version else at + 1

    def keep_buckets(self, buckets: Buckets) -> None:
        with self.transaction():
            self._set_meta(buckets=buckets.packed())

    def mend(self, buckets: Iterable[Json]) -> int:
        """Makes the live records of each bucket those given; gives the number of records that differed."""
        with self.transaction():
            count = sum(self._mend(bucket) for bucket in buckets)
            self._set_meta(buckets=self.recomputed_buckets().packed())
            return count

    def _mend(self, bucket: Json) -> int:
        ending = f"{int(bucket.get('bucket', 0)):02x}"
        rows = self._db.execute(
            "SELECT id, collection, live, body FROM record WHERE live AND substr(id, -2) = ?", (ending,)
        )
        here = {one.id: one for one in map(_record, rows.fetchall())}
        right = {one["record"]: _content(one) for one in bucket.get("records", [])}
        differing = [one for one in sorted(here | right) if here.get(one) != right.get(one)]
        for one in differing:
            was = here.get(one)
            self._db.execute(
                "INSERT INTO mended VALUES (?, ?, ?)", (one, _compact(was.values) if was else None, time.time_ns())
            )
            if one in right:
                self._put(right[one], None)
            else:
                self._put(Record(one, here[one].collection, False, here[one].values), self.version)
        return len(differing)

    def copy_aside(self) -> Path:
        """The file as it is, beside it under another name."""
        path = private.make_file(self.path.with_name(f"{self.path.name}.before-{time.time_ns() // 1_000_000}"))
        self._db.execute("VACUUM INTO ?", (str(path),))
        return path

    def start_from(self, state: State, again: Iterable[Json] = ()) -> None:
        """Takes another history and its records; outbox and quarantine stay, and `again` comes before what waits."""
        with self.transaction():
            buckets = Buckets()
            behind = max(self.version, self._left_behind) if state.epoch == self.epoch else 0
            self._db.execute("DELETE FROM record")
            self._db.execute("DELETE FROM entry")
            for one, deleted in state.records:
                if one.live:
                    buckets.add(one.collection, one.id, one.values)
                self._put(one, deleted)
            for entry, digest in state.entries:
                self._note(entry, digest)
            # A verdict may be of another epoch, or its entry below the floor: it is asked for again.
            self.forget_accepted()
            self._set_meta(epoch=state.epoch, version=state.version, members_version=0, buckets=buckets.packed())
            self._set_meta(left_behind=behind)
            if state.schema is not None:
                self._set_meta(schema=state.schema)
                self._use((state.schema,))
            if self.history_digest_at(state.version) is None:
                raise DigestMismatch(f"there is no history digest for version {state.version}")
            if lost := [one for one in again if not self._knows(one["id"])]:
                waiting = [pending.change_set for pending in self.outbox()]
                self._db.execute("DELETE FROM outbox")
                for change_set in behind_what_they_list([*lost, *waiting]):
                    self._enqueue(change_set)

    def _knows(self, change_set: str) -> bool:
        places = (
            "SELECT 1 FROM outbox WHERE id = ?1 UNION SELECT 1 FROM quarantine WHERE id = ?1"
            " UNION SELECT 1 FROM entry WHERE body ->> '$.change_set.id' = ?1"
        )
        return self._db.execute(places, (change_set,)).fetchone() is not None

    def restarts_of_the_hour(self) -> int:
        """How often the replica started over within the last hour, as far as that was noted."""
        return len(self._recent_restarts())

    def note_restart(self) -> None:
        with self.transaction():
            self._set_meta(restarts=json.dumps([*self._recent_restarts(), time.time_ns() // 1_000_000]))

    def _recent_restarts(self) -> list[int]:
        now = time.time_ns() // 1_000_000
        return [one for one in json.loads(str(self._meta("restarts"))) if 0 <= now - one < 3_600_000]


def _record(row: tuple[str, str, int, str]) -> Record:
    return Record(row[0], row[1], bool(row[2]), json.loads(row[3]))


def _content(message: Mapping[str, object]) -> Record:
    values = {pair["field"]: value_from_json(pair.get("value")) for pair in message.get("values", [])}  # type: ignore[attr-defined]
    return Record(str(message["record"]), str(message["collection"]), True, values)

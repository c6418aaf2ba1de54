# SPDX-License-Identifier: Apache-2.0
"""Making change sets: operations with their before-values and bases, then the seal (spec/model.md#change-sets)."""

from __future__ import annotations

import base64
import json
import secrets
import time
from collections.abc import Iterable, Mapping

from . import limits
from .canonical import Json, Value, json_bytes, ordered_id, random_id, stored_form, value_to_json
from .errors import Failure
from .records import Record, after_operation
from .replica import Replica
from .schema import InvalidValue, check_text
from .wire import SENT_BYTES


class NotHere(Failure, LookupError):
    """There is no such live record in the replica."""


class AlreadySealed(Failure):
    """The draft is a change set already: what comes after it is another draft's."""


class AlreadySettled(Failure):
    """The conflict was settled before, by whomever."""


class ReplicaMovedOn(Failure):
    """The replica shows something else than when the draft began: its bases would be wrong."""


class Draft:
    """The edits of one change set. Nothing is in the replica before `seal`, which ends it.

    It is short-lived: once the replica shows something else, by a sync or another draft, it reads no more records.
    """

    def __init__(self, replica: Replica, message: str = "") -> None:
        check_text("message", message, limits.MESSAGE_BYTE_LIMIT)
        self._replica, self._message = replica, message
        with replica.at_one_moment():
            self._base, self._outbox, self._standing = replica.base, replica.outbox(), replica.standing()
        self._is_sealed = False
        self._operations: list[Json] = []
        self._edits: dict[tuple[str, str], Json] = {}
        """Each field that is written, by record: written again, it keeps its first value before."""
        self._kept: list[Json] = []
        """Edits, and operations without one, that stand though they change nothing."""

    def insert(self, collection: str, values: Mapping[str, Value], record: str | None = None) -> str:
        """Adds a record; only fields unlike their default are written."""
        own = record or ordered_id()
        if record and (shown := self._shown(record)) and shown.live:
            raise InvalidValue(f"there is a record {record} already")
        _refuse_conflict(collection)
        fields = {name: self._replica.schema.field(collection, name) for name in _ascending(values)}
        self._add("insert", collection, own)
        for name, field in fields.items():
            if values[name] != field.default:
                field.check(values[name])
                self._edit(own, name, None, values[name])
        return own

    def update(self, record: str, values: Mapping[str, Value]) -> None:
        """Sets fields; what is equal to the present value is left out."""
        present = self._editable(record)
        for name, value in values.items():
            self._replica.schema.field(present.collection, name).check(value)
        self._update(present, values)

    def mark_settled(self, conflict: str) -> None:
        """Moves a conflict's status: the one edit of a conflict that there is."""
        self._update(self._live(conflict), {"status": "settled"})

    def _update(self, present: Record, values: Mapping[str, Value]) -> None:
        record = present.id
        self._add("update", present.collection, record)
        for name in _ascending(values):
            self._edit(record, name, self._value(present, name), values[name])

    def keep(self, record: str, field: str | None = None) -> None:
        """Edits a field, or for none the record, to what it is: a decision that later authors should know of."""
        present = self._editable(record)
        operation = self._add("update", present.collection, record)
        if field is None:
            self._kept.append(operation)
        else:
            value = self._value(present, field)
            self._kept.append(self._edit(record, field, value, value))

    def delete(self, record: str) -> None:
        """Deletes a record; names the fields of which less was seen than of the record.

        The draft's other edits of it are dropped: of a record that it made, or brought back, nothing stays.
        """
        present = self._editable(record)
        self._drop(record)
        if self._replica.record(record) is None:
            return
        operation = self._add("delete", present.collection, record, self._hiding(record))
        own = operation.get("base", self._base)
        bases = {name: self._hiding(record, name) for name in _ascending(self._pending_fields(record))}
        fields = [{"field": name, "base": base} for name, base in bases.items() if base not in (None, own)]
        if fields:
            operation["fields"] = fields

    def _drop(self, record: str) -> None:
        self._operations = [one for one in self._operations if one["record"] != record]
        self._edits = {place: edit for place, edit in self._edits.items() if place[0] != record}

    def delete_with_children(self, record: str) -> None:
        """Deletes a record and all below it, the lowest first: a child left alive would bring its parent back."""
        for one in self._with_children(record, set()):
            self.delete(one)

    def _with_children(self, record: str, seen: set[str]) -> list[str]:
        seen.add(record)
        below = {child.id: None for child in self._replica.children(record)}
        below |= {one["record"]: None for one in self._operations}
        shown = [child for child in map(self._shown, below) if child and child.live and self._lies_in(child, record)]
        found = [one for child in shown if child.id not in seen for one in self._with_children(child.id, seen)]
        return [*found, record]

    def _lies_in(self, child: Record, record: str) -> bool:
        parents = dict(self._replica.schema.parents())
        return child.collection in parents and child.values.get(parents[child.collection]) == record

    def restore(self, record: str) -> None:
        """Brings a deleted record back with its last values, and what was deleted with it below."""
        deleted = [one["record"] for one in self._operations if one["kind"] == "delete"]
        with self._replica.at_one_moment():
            last = self._shown(record)
            if last is None or last.live:
                raise NotHere(f"there is no deleted record {record} here")
            below = {one.id: None for one in self._replica.deleted_with(record)}
        self._add("restore", last.collection, record, self._hiding(record))
        for child in map(self._shown, below | dict.fromkeys(deleted if record in deleted else ())):
            if child and not child.live and self._lies_in(child, record):
                self.restore(child.id)

    def seal(self) -> Json | None:
        """Ends the change set and puts it in the outbox; nothing where nothing changed. Once only."""
        self._refuse_sealed()
        operations = self._folded()
        if not operations:
            return None
        change_set: Json = {
            "id": random_id(),
            "seed": base64.b64encode(secrets.token_bytes(16)).decode("ascii"),
            "schema": str(self._replica.schema.version),
            "base": self._base,
            "time": str(time.time_ns() // 1_000_000),
            "operations": operations,
        }
        if seen := self._seen():
            change_set["seen"] = seen
        if self._message:
            change_set["message"] = self._message
        _refuse_too_large(change_set)
        self._replica.put_in_outbox(change_set)
        self._is_sealed = True
        return change_set

    def _refuse_sealed(self) -> None:
        if self._is_sealed:
            raise AlreadySealed("this draft is sealed: make another for further edits")

    def _folded(self) -> list[Json]:
        """The operations without what did not change, the fields of each in order."""
        pairs = [(one, self._with_what_changed(one)) for one in self._operations]
        return [
            folded for one, folded in pairs if one["kind"] != "update" or "fields" in folded or _is_in(one, self._kept)
        ]

    def _with_what_changed(self, operation: Json) -> Json:
        if operation["kind"] not in ("insert", "update"):
            return operation
        edits = [edit for edit in operation.get("fields", []) if self._stands(operation, edit)]
        bare = {name: one for name, one in operation.items() if name != "fields"}
        return bare | ({"fields": sorted(edits, key=lambda edit: edit["field"].encode("utf-8"))} if edits else {})

    def _stands(self, operation: Json, edit: Json) -> bool:
        if operation["kind"] == "insert":
            default = self._replica.schema.default(operation["collection"], edit["field"])
            return edit.get("after") != value_to_json(default)
        return edit.get("after") != edit.get("before") or _is_in(edit, self._kept)

    # --- One operation ----------------------------------------------------------------------------

    def _add(self, kind: str, collection: str, record: str, base: Json | None = None) -> Json:
        """A new operation, or for an update the last one of the record, if that writes fields too."""
        self._refuse_sealed()
        last = next((one for one in reversed(self._operations) if one["record"] == record), None)
        if kind == "update" and last and last["kind"] in ("insert", "update"):
            return last
        operation: Json = {"kind": kind, "collection": collection, "record": record}
        if base:
            operation["base"] = base
        self._operations.append(operation)
        return operation

    def _edit(self, record: str, field: str, before: Value, after: Value) -> Json:
        edit = self._edits.get((record, field))
        if edit is None:
            edit = self._edits[record, field] = {"field": field}
            operation = next(one for one in reversed(self._operations) if one["record"] == record)
            if before is not None and operation["kind"] != "insert":
                edit["before"] = value_to_json(before)
            if base := self._hiding(record, field):
                edit["base"] = base
            operation.setdefault("fields", []).append(edit)
        edit.pop("after", None)
        if after is not None:
            edit["after"] = value_to_json(after)
        return edit

    # --- What the author sees ---------------------------------------------------------------------

    def _shown(self, record: str) -> Record | None:
        """A record with the outbox and this draft on top."""
        self._refuse_sealed()
        with self._replica.at_one_moment():
            if self._replica.standing() != self._standing:
                raise ReplicaMovedOn(
                    "the replica has changed since this draft began", "Make the edits again in a new draft."
                )
            shown = self._replica.last_seen(record)
        for operation in self._operations:
            if operation["record"] == record:
                shown = after_operation(self._replica.schema, shown, operation)
        return shown

    def _live(self, record: str) -> Record:
        present = self._shown(record)
        if present is None or not present.live:
            raise NotHere(f"there is no record {record} here")
        return present

    def _editable(self, record: str) -> Record:
        present = self._live(record)
        _refuse_conflict(present.collection)
        return present

    def _value(self, record: Record, field: str) -> Value:
        return record.values.get(field, self._replica.schema.default(record.collection, field))

    def _seen(self) -> list[str]:
        """The outbox's change sets that no other of them lists, in order; of too many the newest."""
        listed = {digest for pending in self._outbox for digest in pending.change_set.get("seen", [])}
        heads = [pending.hash for pending in self._outbox if pending.hash not in listed]
        return heads[-limits.DELIVERY_LIMIT :]

    # --- Bases (spec/model.md#bases) --------------------------------------------------------------

    def _hiding(self, record: str, field: str | None = None) -> Json | None:
        """The oldest base among the outbox's edits of a field and deletions of its record, if it is older."""
        bases = [self._base]
        for operation, base in self._pending(record):
            if operation["kind"] == "delete":
                bases.append(base)
            else:
                bases += [edit.get("base", base) for edit in operation.get("fields", []) if edit["field"] == field]
        oldest = min(bases, key=lambda one: (one["epoch"] == self._base["epoch"], int(one.get("version", 0))))
        return None if oldest == self._base else oldest

    def _pending_fields(self, record: str) -> dict[str, None]:
        operations = [operation for operation, _ in self._pending(record) if operation["kind"] != "delete"]
        return {edit["field"]: None for operation in operations for edit in operation.get("fields", [])}

    def _pending(self, record: str) -> Iterable[tuple[Json, Json]]:
        """The outbox's operations on a record, each with its base."""
        for pending in self._outbox:
            for operation in pending.change_set["operations"]:
                if operation["record"] == record:
                    yield operation, operation.get("base", pending.change_set["base"])


def _refuse_conflict(collection: str) -> None:
    if collection == "conflict":
        raise InvalidValue("a conflict is settled, and else not edited")


def _refuse_too_large(change_set: Json) -> None:
    if len(change_set["operations"]) > limits.OPERATION_LIMIT:
        raise InvalidValue(f"a change set has at most {limits.OPERATION_LIMIT} operations")
    if len(stored_form(change_set)) > limits.CHANGE_SET_BYTE_LIMIT:
        raise InvalidValue(f"a change set has at most {limits.CHANGE_SET_BYTE_LIMIT} bytes")
    if (size := len(json_bytes(change_set))) > SENT_BYTES:
        told = f"this client sends JSON, of at most {SENT_BYTES} bytes: with its control characters this has {size}"
        raise InvalidValue(told, "Make the edit in smaller steps, or without those characters.")


def _is_in(item: Json, items: Iterable[Json]) -> bool:
    return any(item is one for one in items)


def _ascending(names: Mapping[str, object]) -> list[str]:
    return sorted(names, key=lambda name: name.encode("utf-8"))


# --- Settling conflicts (spec/merge.md#settling) --------------------------------------------------


def settle(replica: Replica, conflict: str, choice: str, value: Value = None) -> Json | None:
    """Settles an open conflict: `keep` what stands, `take` the other (which may be a deletion), or `value` for a third.

    A conflict about a whole record has no `value`.
    """
    row = replica.record(conflict)
    if row is None or row.collection != "conflict":
        raise NotHere(f"there is no conflict {conflict} here")
    field, record = row.values.get("field"), str(row.values["record"])
    if row.values.get("status") == "settled":
        raise AlreadySettled(f"the conflict {conflict} is settled already", "Edit the record if it should be another.")
    if choice not in ("keep", "take", "value"):
        raise InvalidValue(f"a conflict is settled by keep, take or value, not {choice!r}")
    if choice == "value" and field is None:
        raise InvalidValue("this conflict is about a whole record: it has no one value", "Keep it, or take the other.")
    draft = Draft(replica)
    is_live = replica.record(record) is not None
    if choice == "keep":
        if is_live:
            draft.keep(record, str(field) if field else None)
    elif field is None:
        if is_live:
            draft.delete_with_children(record)
    else:
        _write(draft, record, str(field), other_value(row) if choice == "take" else value, is_live)
    draft.mark_settled(conflict)
    return draft.seal()


def _write(draft: Draft, record: str, field: str, value: Value, is_live: bool) -> None:
    """The chosen value; a record that was deleted comes back for it, and a value that stands is kept."""
    if not is_live:
        draft.restore(record)
    draft.update(record, {field: value})
    if is_live:
        draft.keep(record, field)


def other_value(row: Record) -> Value:
    """The value that a conflict holds aside."""
    return json.loads(str(row.values["other"])) if "other" in row.values else None

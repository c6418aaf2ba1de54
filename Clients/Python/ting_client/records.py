# SPDX-License-Identifier: Apache-2.0
"""What effects and pending operations do to one record: pure functions without a file."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from .canonical import Json, Value, change_set_hash, value_from_json
from .schema import Schema


@dataclass(frozen=True)
class Record:
    """A record: `values` are those unlike their default. A deleted one keeps its last values."""

    id: str
    collection: str
    live: bool
    values: dict[str, Value]


def with_values(schema: Schema, record: Record, values: Iterable[tuple[str, Value]]) -> Record:
    """The record with fields set; a null or a default clears a field."""
    merged = dict(record.values)
    for name, value in values:
        if value is None or value == schema.default(record.collection, name):
            merged.pop(name, None)
        else:
            merged[name] = value
    return replace(record, values=merged)


def after_effect(schema: Schema, record: Record | None, effect: Json) -> Record:
    """The record after an effect: `live` brings every field, `updated` those that it names."""
    if record is None or effect["state"] == "live":
        record = Record(effect["record"], effect["collection"], True, {})
    if effect["state"] == "deleted":
        return replace(record, live=False)
    pairs = [(pair["field"], value_from_json(pair.get("value"))) for pair in effect.get("values", [])]
    return with_values(schema, replace(record, live=True), pairs)


def after_operation(schema: Schema, record: Record | None, operation: Json) -> Record:
    """The record with a pending operation on top: any edit of a deleted one brings it back."""
    if record is None:
        record = Record(operation["record"], operation["collection"], True, {})
    if operation["kind"] == "delete":
        return replace(record, live=False)
    pairs = [(edit["field"], value_from_json(edit.get("after"))) for edit in operation.get("fields", [])]
    return with_values(schema, replace(record, live=True), pairs)


def touched(change_set: Json) -> set[str]:
    """The records that a change set edits."""
    return {operation["record"] for operation in change_set["operations"]}


def touched_or_named(change_set: Json) -> set[str]:
    """The records that a change set edits, and what its after-values and their elements say: ids among them."""
    found = touched(change_set)
    for operation in change_set["operations"]:
        for edit in operation.get("fields", []):
            value = value_from_json(edit.get("after"))
            found.update([value] if isinstance(value, str) else value if isinstance(value, list) else [])
    return found


def dependents(stopped: Json, later: Iterable[Json]) -> list[Json]:
    """The later change sets that build on a stopped one, directly or through each other (spec/sync.md#deliveries)."""
    records, found = touched(stopped), []
    for change_set in later:
        if touched_or_named(change_set) & records:
            records |= touched(change_set)
            found.append(change_set)
    return found


def behind_what_they_list(change_sets: Iterable[Json]) -> list[Json]:
    """The change sets, each behind those of them that it lists as seen, else in their order."""
    waiting = {change_set_hash(one).hex(): one for one in change_sets}
    ordered: list[Json] = []
    for start in list(waiting):
        path = [start]
        while path:
            ahead = [one for one in waiting.get(path[-1], {}).get("seen", []) if one in waiting and one not in path]
            if ahead:
                path.append(ahead[0])
            elif one := waiting.pop(path.pop(), None):
                ordered.append(one)
    return ordered

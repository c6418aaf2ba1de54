# SPDX-License-Identifier: Apache-2.0
"""What becomes of a field that is edited concurrently: a second opinion on spec/merge.md#fields. A client needs none of it to sync."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from .canonical import Value

_LEAST, _GREATEST = -(1 << 63), (1 << 63) - 1


@dataclass(frozen=True)
class FieldEdit:
    """An incoming edit beside what is in place.

    `writer_unseen`: the author had not seen one of the present value's writers. `edit_unseen`: nor some accepted edit
    of the field, whether or not its value stands.
    """

    policy: str
    before: Value
    current: Value
    after: Value
    writer_unseen: bool
    edit_unseen: bool
    current_time: int
    time: int
    values: Sequence[str] = ()


@dataclass(frozen=True)
class Conflict:
    """The value that waits, and whether it is the incoming edit's."""

    kind: str
    other: Value
    other_is_incoming: bool


@dataclass(frozen=True)
class Outcome:
    """The value that stands; its writers are the edit `alone`, the edit too (`joins`), or those before (`none`)."""

    value: Value
    writer: str
    conflict: Conflict | None = None


def merge_field(edit: FieldEdit) -> Outcome:
    """The outcome for every policy that needs no more than the two values: all but `text` and `set`."""
    if edit.policy == "counter":
        return Outcome(_sum(edit), "joins")
    if edit.policy in ("max", "min"):
        return _extreme(edit)
    if not edit.writer_unseen:
        return Outcome(edit.after, "alone")
    if edit.after == edit.current:
        return Outcome(edit.current, "joins")
    if edit.policy == "review":
        return Outcome(edit.current, "none", Conflict("proposal", edit.after, True))
    if edit.time >= edit.current_time:
        return Outcome(edit.after, "alone", Conflict("field", edit.current, False))
    return Outcome(edit.current, "none", Conflict("field", edit.after, True))


def _sum(edit: FieldEdit) -> int:
    """A step or a sum beyond 64 bits is the bound, whichever way it goes."""
    current, before, after = (one if isinstance(one, int) else 0 for one in (edit.current, edit.before, edit.after))
    for number in (after - before, current + after - before):
        if not _LEAST <= number <= _GREATEST:
            return _GREATEST if after > before else _LEAST
    return current + after - before


def _extreme(edit: FieldEdit) -> Outcome:
    if not edit.edit_unseen:
        return Outcome(edit.after, "alone")
    if edit.after == edit.current:
        return Outcome(edit.current, "joins")
    larger = _rank(edit.after, edit.values) > _rank(edit.current, edit.values)
    wins = edit.current is None or edit.after is not None and larger == (edit.policy == "max")
    return Outcome(edit.after, "alone") if wins else Outcome(edit.current, "none")


def _rank(value: Value, values: Sequence[str]) -> tuple[int, bytes]:
    """Enums by their place in the list, integers by size, other texts by UTF-8 bytes."""
    if isinstance(value, int):
        return value, b""
    if isinstance(value, str) and value in values:
        return list(values).index(value), b""
    return 0, value.encode("utf-8") if isinstance(value, str) else b""

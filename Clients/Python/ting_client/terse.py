# SPDX-License-Identifier: Apache-2.0
"""Change sets whose operations stand in columns (spec/terse.md#columns), in their JSON mapping."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from typing import Any

from . import limits
from .canonical import Json, Malformed, id_text


def expand(change_set: Json) -> Json:
    """The change set with its operations written out; raises `Malformed` for columns that don't fit together."""
    if "columns" not in change_set:
        return change_set
    columns = change_set["columns"]
    plain = {name: one for name, one in change_set.items() if name != "columns"}
    return plain | {"operations": _Columns(columns, int(change_set.get("time", 0))).operations()}


class _Columns:
    def __init__(self, columns: Json, time: int) -> None:
        self._columns, self._time = columns, time
        self._shapes: list[Json] = columns.get("shapes", [])
        self._places = [_below(one, len(self._shapes)) for one in columns.get("operations", [])]
        _check(len(self._places) <= limits.OPERATION_LIMIT)
        self._members = [[at for at, one in enumerate(self._places) if one == place] for place in range(len(self._shapes))]
        self._fields = sum(len(self._shapes[place].get("fields", [])) for place in self._places)

    def operations(self) -> list[Json]:
        count, own_time = len(self._places), self._time
        records = self._records()
        times = self._column("times", count)
        bases = self._bases("operation_bases", count)
        field_times, field_bases = iter(self._column("field_times", self._fields)), iter(self._bases("field_bases", self._fields))
        found: list[Json] = []
        for at, place in enumerate(self._places):
            shape = self._shapes[place]
            own_time += times[at]
            operation = {"kind": shape["kind"], "collection": shape["collection"], "record": records[at]}
            operation |= _given(base=bases[at], time=own_time if own_time != self._time else None)
            if shape.get("fields"):
                operation["fields"] = [
                    {"field": name} | _given(base=next(field_bases), time=_moved(own_time, next(field_times)))
                    for name in shape["fields"]
                ]
            found.append(operation)
        self._set_values(found)
        return found

    def _records(self) -> list[str]:
        steps = [int(one) for one in self._columns.get("record_times", [])]
        rests = base64.b64decode(self._columns.get("record_rests", ""))
        _check(len(steps) == len(self._places) and len(rests) == 10 * len(self._places))
        first, found = 0, []
        for at, step in enumerate(steps):
            first = (first + step) % (1 << 48)
            found.append(id_text(first.to_bytes(6, "big") + rests[at * 10 : at * 10 + 10]))
        return found

    def _column(self, name: str, count: int) -> list[int]:
        column = [int(one) for one in self._columns.get(name, [])]
        _check(len(column) in (0, count))
        return column or [0] * count

    def _bases(self, name: str, count: int) -> list[Json | None]:
        bases = self._columns.get("bases", [])
        return [bases[_below(one - 1, len(bases))] if one else None for one in self._column(name, count)]

    def _set_values(self, operations: list[Json]) -> None:
        """Shape by shape, field by field: the values before, then those after."""
        values = self._values()
        for place, members in enumerate(self._members):
            for at in range(len(self._shapes[place].get("fields", []))):
                for side in ("before", "after"):
                    for member in members:
                        value = next(values, None)
                        _check(value is not None)
                        if value:
                            operations[member]["fields"][at][side] = value
        _check(next(values, None) is None)

    def _values(self) -> Iterator[Json]:
        integers, sizes = iter(self._columns.get("integers", [])), iter(self._columns.get("set_sizes", []))
        texts = self._texts()
        try:
            for kind in self._columns.get("kinds", []):
                match kind:
                    case 0:
                        yield {}
                    case 1:
                        yield {"integer": str(next(integers))}
                    case 2:
                        yield {"text": next(texts)}
                    case 3:
                        size = int(next(sizes))
                        yield {"set": {"elements": [next(texts) for _ in range(size)]} if size else {}}
                    case _:
                        raise Malformed(f"a value of kind {kind}")
        except (StopIteration, RuntimeError) as error:
            raise Malformed("columns are of different lengths") from error
        _check(not any(next(rest, None) is not None for rest in (integers, sizes, texts)))

    def _texts(self) -> Iterator[str]:
        data, at = self._columns.get("texts", "").encode("utf-8"), 0
        for length in self._columns.get("text_bytes", []):
            _check(at + length <= len(data))
            try:
                yield data[at : at + length].decode("utf-8")
            except UnicodeDecodeError as error:
                raise Malformed("a text is cut within a character") from error
            at += length
        _check(at == len(data))


def _given(**members: Any) -> Json:
    return {name: str(one) if isinstance(one, int) else one for name, one in members.items() if one is not None}


def _moved(time: int, step: int) -> int | None:
    return time + step if step else None


def _below(place: int, count: int) -> int:
    _check(0 <= place < count)
    return place


def _check(fits: bool) -> None:
    if not fits:
        raise Malformed("columns are of different lengths")

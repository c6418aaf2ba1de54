# SPDX-License-Identifier: Apache-2.0
"""How `make_scenarios.py` writes a vector: what members deliver, and what the rules make of it.

Expectations are written by hand; digests and conflict ids are computed by Clients/Python, which shares no code with the Swift sources.
"""

from __future__ import annotations

import base64
import json
import sys
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parents[1] / "Clients" / "Python"))

from ting_client.canonical import (  # noqa: E402
    Json,
    Value,
    authored_effects,
    change_set_hash,
    conflict_id,
    effects_bytes,
    seed_bytes,
    sha256,
    value_to_json,
)
from ting_client.digests import EMPTY_HISTORY, Buckets, link  # noqa: E402
from ting_client.records import Record, after_effect  # noqa: E402
from ting_client.schema import read_schema  # noqa: E402

EPOCH = "5b0c0c1e-8f0a-4c56-9d3a-3f1f5a0e7c11"
OTHER_EPOCH = "99999999-8f0a-4c56-9d3a-3f1f5a0e7c11"
ANNA, BO = "aaaaaaaa-0000-4000-8000-000000000001", "bbbbbbbb-0000-4000-8000-000000000002"
P1, P2, P3 = (f"01977420-dc00-7000-8000-0000000000a{n}" for n in (1, 2, 3))
T1, T2 = (f"01977420-dc00-7000-8000-0000000000b{n}" for n in (1, 2))
START = 1_750_000_000_000
SCHEMA = read_schema(HERE.parent / "schema" / "planning.json")


def replica(member: str) -> str:
    return member[:14] + "7" + member[15:]


# --- Operations -----------------------------------------------------------------------------------


def base(version: int, epoch: str = EPOCH) -> Json:
    return {"epoch": epoch, "version": str(version)}


def edit(field: str, before: Value, after: Value, **more: Any) -> Json:
    found: Json = {"field": field}
    for place, value in (("before", before), ("after", after)):
        if value is not None:
            found[place] = value_to_json(value)
    return found | more


def operation(kind: str, collection: str, record: str, *fields: Json, **more: Any) -> Json:
    found: Json = {"kind": kind, "collection": collection, "record": record} | more
    if fields:
        found["fields"] = sorted(fields, key=lambda one: one["field"].encode())
    return found


def insert(collection: str, record: str, /, **values: Value) -> Json:
    return operation("insert", collection, record, *(edit(name, None, value) for name, value in values.items()))


def update(collection: str, record: str, /, **pairs: tuple[Value, Value]) -> Json:
    """Fields with their values before and after; none of them makes a keep of the record."""
    return operation("update", collection, record, *(edit(name, *pair) for name, pair in pairs.items()))


def delete(collection: str, record: str, **bases: int) -> Json:
    fields = [{"field": name, "base": base(version)} for name, version in bases.items()]
    return operation("delete", collection, record, *fields)


def restore(collection: str, record: str) -> Json:
    return operation("restore", collection, record)


def settle(conflict: str) -> Json:
    return update("conflict", conflict, status=("open", "settled"))


# --- Effects --------------------------------------------------------------------------------------


def effect(state: str, collection: str, record: str, /, **values: Value) -> Json:
    found: Json = {"collection": collection, "record": record, "state": state}
    if values:
        found["values"] = [
            {"field": name} if values[name] is None else {"field": name, "value": value_to_json(values[name])}
            for name in sorted(values, key=lambda name: name.encode())
        ]
    return found


def live(collection: str, record: str, /, **values: Value) -> Json:
    return effect("live", collection, record, **values)


def updated(collection: str, record: str, /, **values: Value) -> Json:
    return effect("updated", collection, record, **values)


def closed(conflict: str) -> Json:
    return updated("conflict", conflict, status="settled")


class Scenario:
    """One vector. Each `deliver` is an exchange; versions count up with every acceptance."""

    def __init__(self, name: str, spec: str, comment: str) -> None:
        self.name, self.spec, self.comment = name, spec, comment
        self.exchanges: list[Json] = []
        self.answers: list[Json] = []
        self.entries: list[Json] = []
        self.made = 0
        self.numbers: dict[str, int] = {}
        self.records: dict[str, Record] = {}
        self.buckets, self.history = Buckets(), EMPTY_HISTORY

    @property
    def head(self) -> int:
        return len(self.entries)

    def change_set(self, base_version: int, *operations: Json, **more: Any) -> Json:
        """`base` gives another base than a version of this epoch, `seen` change sets, `time` the clock."""
        self.made += 1
        seen = [change_set_hash(one).hex() for one in more.pop("seen", [])]
        found: Json = {
            "id": f"{self.made:08x}-0000-4000-8000-000000000000",
            "seed": base64.b64encode(bytes([self.made]) * 16).decode(),
            "schema": "1",
            "base": base(base_version),
            "time": str(START + 1000 * self.made),
            "operations": list(operations),
        }
        if seen:
            found["seen"] = seen
        return found | more

    def conflict(self, change_set: Json, record: str, kind: str, **values: Any) -> Json:
        """The effect of a conflict that this change set opens as the version after `head`."""
        field = values.get("field")
        collection = "task" if record in (T1, T2) else "project"
        return live(
            "conflict",
            conflict_id(change_set["id"], record, field, kind),
            **{"collection": collection, "record": record, "kind": kind, "opened_version": self.head + 1} | values,
        )

    def deliver(self, member: str, *deliveries: tuple[Json, Any], **more: Any) -> None:
        """Change sets, each with its expected verdict: `"applied"`, a list of effects for `merged`, or a code.

        `at` is the server's clock, `sent` the replica's; `numbers`, `replica`, `role`, `links`, `base` and
        `history_digest` take the place of what a well-kept replica would send.
        """
        exchange_replica = more.get("replica", replica(member))
        numbers = more.pop("numbers", None) or self._next_numbers(exchange_replica, len(deliveries))
        at = more.pop("at", START + 1000 * (self.made + 1))
        exchange: Json = {"member": member, "replica": exchange_replica, "role": "editor", "at": str(at), "sent": str(more.pop("sent", at))}
        exchange |= {key: value for key, value in more.items() if key not in ("clash", "unjudged")}
        exchange["deliveries"] = [{"number": str(number), "change_set": one[0]} for number, one in zip(numbers, deliveries, strict=True)]
        self.exchanges.append(exchange)
        answer: Json = {"verdicts": []}
        if "clash" in more:
            answer["clash"] = str(more["clash"])
        for number, (change_set, expected) in zip(numbers, deliveries, strict=True):
            if expected is not None:
                answer["verdicts"].append(self._judge(member, at, number, change_set, expected))
        self.answers.append(answer)

    def _next_numbers(self, replica_id: str, count: int) -> list[int]:
        first = self.numbers.get(replica_id, 0) + 1
        self.numbers[replica_id] = first + count - 1
        return list(range(first, first + count))

    def _judge(self, member: str, at: int, number: int, change_set: Json, expected: Any) -> Json:
        verdict: Json = {"number": str(number), "change_set": change_set["id"]}
        if isinstance(expected, tuple):  # the verdict of before: ("applied", 3)
            return verdict | {"verdict": expected[0], "version": str(expected[1])}
        if expected in ("schema_newer", "quota_full", "depends_on_deferred"):
            return verdict | {"verdict": "deferred", "code": expected}
        if isinstance(expected, str) and expected != "applied":
            return verdict | {"verdict": "rejected", "code": expected}
        merged = isinstance(expected, list)
        effects = expected if merged else authored_effects(change_set)
        self._integrate(member, at, change_set, effects)
        entry: Json = {"version": str(self.head + 1), "change_set": change_set["id"]}
        self.entries.append(entry | ({"merged": True, "effects": effects} if merged else {}))
        return verdict | {"verdict": "merged" if merged else "applied", "version": str(self.head)}

    def _integrate(self, member: str, at: int, change_set: Json, effects: list[Json]) -> None:
        hashed = sha256(effects_bytes(effects, seed_bytes(change_set)))
        self.history = link(self.history, change_set_hash(change_set), hashed, member, at)
        for one in effects:
            before = self.records.get(one["record"])
            after = after_effect(SCHEMA, before, one)
            if before and before.live:
                self.buckets.remove(before.collection, before.id, before.values)
            if after.live:
                self.buckets.add(after.collection, after.id, after.values)
            self.records[after.id] = after

    @property
    def given(self) -> Json:
        return {"epoch": EPOCH, "exchanges": self.exchanges}

    def document(self) -> Json:
        return {
            "name": self.name,
            "spec": self.spec,
            "comment": self.comment,
            "input": self.given,
            "expect": {
                "exchanges": self.answers,
                "entries": self.entries,
                "history_digest": self.history.hex(),
                "state_digest": self.buckets.digest().hex(),
            },
        }


def text_of(document: Json) -> str:
    """Objects and lists that fit a line stand on it, so that a vector reads like a table."""
    return _laid_out(document, "", 0) + "\n"


def _laid_out(item: Any, indent: str, used: int) -> str:
    flat = json.dumps(item, ensure_ascii=False)
    if not isinstance(item, (dict, list)) or not item or (indent and len(indent) + used + len(flat) <= 150):
        return flat
    deeper = indent + "  "
    if isinstance(item, list):
        rows = [deeper + _laid_out(one, deeper, 0) for one in item]
        return "[\n" + ",\n".join(rows) + f"\n{indent}]"
    pairs = [(f"{deeper}{json.dumps(key)}: ", value) for key, value in item.items()]
    rows = [key + _laid_out(value, deeper, len(key) - len(deeper)) for key, value in pairs]
    return "{\n" + ",\n".join(rows) + f"\n{indent}}}"

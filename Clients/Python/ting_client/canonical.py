# SPDX-License-Identifier: Apache-2.0
"""Deterministic CBOR, ids, and the bytes of change sets and effects that are hashed (spec/model.md)."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import secrets
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

Value = None | int | str | list[str]
"""What a field holds: null, an integer, a text, or a set as an ascending list of texts."""

Json = dict[str, Any]
"""A message in its JSON mapping."""

_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_HEADS = ((24, 1), (25, 2), (26, 4), (27, 8))


class Malformed(ValueError):
    """Bytes or an id in another than the canonical form."""


# --- CBOR -----------------------------------------------------------------------------------------


def _head(major: int, count: int) -> bytes:
    if count < 24:
        return bytes([major << 5 | count])
    for code, size in _HEADS:
        if count < 1 << 8 * size:
            return bytes([major << 5 | code]) + count.to_bytes(size, "big")
    raise Malformed(f"{count} needs more than 64 bits")


def encode(item: Any) -> bytes:
    """The one deterministic encoding of null, integers, bytes, texts, lists and maps."""
    if item is None:
        return b"\xf6"
    if isinstance(item, bool):
        raise TypeError("there are no truth values in these bytes")
    if isinstance(item, int):
        return _head(0, item) if item >= 0 else _head(1, -1 - item)
    if isinstance(item, bytes):
        return _head(2, len(item)) + item
    if isinstance(item, str):
        utf8 = item.encode("utf-8")
        return _head(3, len(utf8)) + utf8
    if isinstance(item, (list, tuple)):
        return _head(4, len(item)) + b"".join(map(encode, item))
    if isinstance(item, Mapping):
        pairs = sorted((encode(key), encode(value)) for key, value in item.items())
        return _head(5, len(pairs)) + b"".join(key + value for key, value in pairs)
    raise TypeError(f"{type(item).__name__} has no place in these bytes")


def decode(data: bytes) -> Any:
    """Reads one item and refuses every encoding but the deterministic one."""
    item, end = _decode_at(data, 0)
    if end != len(data):
        raise Malformed("bytes after the item")
    if encode(item) != data:
        raise Malformed("not the deterministic encoding")
    return item


def _decode_at(data: bytes, at: int) -> tuple[Any, int]:
    if at >= len(data):
        raise Malformed("the bytes end early")
    if data[at] == 0xF6:
        return None, at + 1
    major, low = data[at] >> 5, data[at] & 31
    count, at = _decode_head(data, at + 1, low)
    if major in (0, 1):
        if count >= 1 << 63:
            raise Malformed("an integer of more than 64 bits")
        return count if major == 0 else -1 - count, at
    if major in (2, 3):
        return _decode_string(data, at, count, major == 3)
    if major == 4:
        items = []
        for _ in range(count):
            item, at = _decode_at(data, at)
            items.append(item)
        return items, at
    if major == 5:
        return _decode_map(data, at, count)
    raise Malformed(f"major type {major} has no place in these bytes")


def _decode_head(data: bytes, at: int, low: int) -> tuple[int, int]:
    if low < 24:
        return low, at
    for code, size in _HEADS:
        if low == code and at + size <= len(data):
            return int.from_bytes(data[at : at + size], "big"), at + size
    raise Malformed("an indefinite or broken head")


def _decode_string(data: bytes, at: int, count: int, text: bool) -> tuple[Any, int]:
    raw = data[at : at + count]
    if len(raw) != count:
        raise Malformed("the bytes end early")
    try:
        return (raw.decode("utf-8") if text else raw), at + count
    except UnicodeDecodeError as error:
        raise Malformed("not UTF-8") from error


def _decode_map(data: bytes, at: int, count: int) -> tuple[dict[str, Any], int]:
    pairs: dict[str, Any] = {}
    for _ in range(count):
        key, at = _decode_at(data, at)
        if not isinstance(key, str) or key in pairs:
            raise Malformed("a repeated key, or one that is no text")
        pairs[key], at = _decode_at(data, at)
    return pairs, at


# --- Ids ------------------------------------------------------------------------------------------


def sha256(data: bytes) -> bytes:
    return hashlib.sha256(data).digest()


def id_bytes(text: str) -> bytes:
    """The 16 bytes of an id; refuses every form but the lower-case one."""
    if not _UUID.fullmatch(text):
        raise Malformed(f"not a lower-case UUID: {text!r}")
    return bytes.fromhex(text.replace("-", ""))


def id_text(raw: bytes) -> str:
    digits = raw.hex()
    return "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]))


def _versioned(raw: bytes, version: int) -> str:
    """The first 16 bytes as an id with its version and variant bits set."""
    octets = bytearray(raw[:16])
    octets[6] = octets[6] & 0x0F | version << 4
    octets[8] = octets[8] & 0x3F | 0x80
    return id_text(bytes(octets))


def random_id() -> str:
    """A version-4 id: change sets."""
    return _versioned(secrets.token_bytes(16), 4)


def ordered_id(milliseconds: int | None = None) -> str:
    """A version-7 id, ascending with time: records and replicas."""
    now = time.time_ns() // 1_000_000 if milliseconds is None else milliseconds
    return _versioned(now.to_bytes(6, "big") + secrets.token_bytes(10), 7)


def name_id(name: Any) -> str:
    """A version-8 id that follows from a name."""
    return _versioned(sha256(encode(name)), 8)


def conflict_id(change_set: str, record: str, field: str | None, kind: str) -> str:
    """The id of the conflict that a change set opens (spec/merge.md#conflicts)."""
    return name_id(["ting conflict", id_bytes(change_set), id_bytes(record), field, kind])


# --- Values in messages ---------------------------------------------------------------------------


def json_bytes(message: Json) -> bytes:
    """A message as it is sent; a control character takes six bytes."""
    return json.dumps(message, ensure_ascii=False, separators=(",", ":")).encode("utf-8")


def value_from_json(message: Json | None) -> Value:
    """A value of its JSON mapping; what is left out is null."""
    if not message:
        return None
    if "integer" in message:
        return int(message["integer"])
    if "text" in message:
        return str(message["text"])
    return list(message["set"].get("elements", []))


def value_to_json(value: Value) -> Json | None:
    """The JSON mapping of a value, or nothing for null."""
    if value is None:
        return None
    if isinstance(value, int):
        return {"integer": str(value)}
    if isinstance(value, str):
        return {"text": value}
    return {"set": {"elements": value} if value else {}}


# --- Change sets and effects ----------------------------------------------------------------------


def commitment(value: Value, seed: bytes, position: int, field: str, place: str) -> bytes:
    """What stands for a value in hashed bytes, so that it can be erased later and hashes still verify."""
    salt = sha256(seed + encode([position, field, place]))[:16]
    return sha256(salt + encode(value))


def base_item(base: Json) -> list[Any]:
    return [id_bytes(base["epoch"]), int(base.get("version", 0))]


Show = Callable[[Value, int, str, str], Any]
"""What stands for a value, of the value, its operation's position, its field, and its place."""


def change_set_bytes(change_set: Json) -> bytes:
    """The canonical bytes of a change set in its JSON mapping."""
    seed = seed_bytes(change_set)

    def committed(value: Value, position: int, field: str, place: str) -> bytes:
        return commitment(value, seed, position, field, place)

    return encode(_change_set_item(change_set, committed))


def stored_form(change_set: Json) -> bytes:
    """The same map with values in place of commitments, and its seed: what limits of change sets measure."""
    item = _change_set_item(change_set, lambda value, *_: value)
    return encode(item | {"seed": seed_bytes(change_set)})


def _change_set_item(change_set: Json, show: Show) -> dict[str, Any]:
    clock = int(change_set.get("time", 0))
    item: dict[str, Any] = {
        "id": id_bytes(change_set["id"]),
        "base": base_item(change_set["base"]),
        "time": clock,
        "schema": int(change_set.get("schema", 0)),
        "operations": [
            _operation_item(operation, position, show, clock)
            for position, operation in enumerate(change_set.get("operations", []))
        ],
    }
    if change_set.get("seen"):
        item["seen"] = [bytes.fromhex(digest) for digest in change_set["seen"]]
    if change_set.get("message"):
        item["message"] = change_set["message"]
    return item


def _operation_item(operation: Json, position: int, show: Show, clock: int) -> dict[str, Any]:
    own = int(operation.get("time", clock))
    item: dict[str, Any] = {
        "kind": operation["kind"],
        "collection": operation["collection"],
        "record": id_bytes(operation["record"]),
    }
    if "base" in operation:
        item["base"] = base_item(operation["base"])
    if own != clock:
        item["time"] = own
    if operation.get("fields"):
        item["fields"] = {edit["field"]: _field_item(edit, position, show, own) for edit in operation["fields"]}
    return item


def _field_item(edit: Json, position: int, show: Show, clock: int) -> dict[str, Any]:
    item: dict[str, Any] = {}
    for place in ("before", "after"):
        value = value_from_json(edit.get(place))
        if value is not None:
            item[place] = show(value, position, edit["field"], place)
    if "base" in edit:
        item["base"] = base_item(edit["base"])
    if int(edit.get("time", clock)) != clock:
        item["time"] = int(edit["time"])
    return item


def seed_bytes(change_set: Json) -> bytes:
    """The seed, of base64 as in messages."""
    return base64.b64decode(change_set.get("seed", ""))


def change_set_hash(change_set: Json) -> bytes:
    return sha256(change_set_bytes(change_set))


def effects_bytes(effects: Sequence[Json], seed: bytes) -> bytes:
    """The canonical bytes of effects in their JSON mapping."""
    items = []
    for position, effect in enumerate(effects):
        item: dict[str, Any] = {
            "state": effect["state"],
            "collection": effect["collection"],
            "record": id_bytes(effect["record"]),
        }
        values = {
            pair["field"]: _effect_item(value_from_json(pair.get("value")), seed, position, pair["field"])
            for pair in effect.get("values", [])
        }
        if values:
            item["values"] = values
        items.append(item)
    return encode(items)


def _effect_item(value: Value, seed: bytes, position: int, field: str) -> bytes | None:
    return None if value is None else commitment(value, seed, position, field, "effect")


def authored_effects(change_set: Json) -> list[Json]:
    """The effects of an entry that carries none: its author's after-values."""
    return [_authored_effect(operation) for operation in change_set.get("operations", [])]


def _authored_effect(operation: Json) -> Json:
    state = {"insert": "live", "restore": "live", "update": "updated", "delete": "deleted"}[operation["kind"]]
    effect: Json = {"collection": operation["collection"], "record": operation["record"], "state": state}
    if state != "deleted":
        effect["values"] = [
            {"field": edit["field"], "value": edit["after"]} if edit.get("after") else {"field": edit["field"]}
            for edit in operation.get("fields", [])
        ]
    return effect


def entry_effects(entry: Json) -> list[Json]:
    """What an entry does to the records."""
    return entry.get("effects", []) if entry.get("merged") else authored_effects(entry["change_set"])


# --- Stored forms ---------------------------------------------------------------------------------


def change_set_from_stored(data: bytes) -> Json:
    """A change set in its JSON mapping, of its stored form: the canonical map with values and seed."""
    item = decode(data)
    change_set: Json = {
        "id": id_text(item["id"]),
        "seed": base64.b64encode(item["seed"]).decode("ascii"),
        "schema": str(item["schema"]),
        "base": _stored_base(item["base"]),
        "time": str(item["time"]),
        "operations": [_stored_operation(one) for one in item["operations"]],
    }
    if "seen" in item:
        change_set["seen"] = [one.hex() for one in item["seen"]]
    if "message" in item:
        change_set["message"] = item["message"]
    return change_set


def _stored_base(item: list[Any]) -> Json:
    return {"epoch": id_text(item[0])} | ({"version": str(item[1])} if item[1] else {})


def _stored_operation(item: Json) -> Json:
    operation: Json = {"kind": item["kind"], "collection": item["collection"], "record": id_text(item["record"])}
    operation |= _stored_place(item)
    if "fields" in item:
        ascending = sorted(item["fields"].items(), key=lambda pair: pair[0].encode("utf-8"))
        operation["fields"] = [{"field": name} | _stored_edit(edit) for name, edit in ascending]
    return operation


def _stored_edit(item: Json) -> Json:
    return {place: value_to_json(item[place]) for place in ("before", "after") if place in item} | _stored_place(item)


def _stored_place(item: Json) -> Json:
    base = {"base": _stored_base(item["base"])} if "base" in item else {}
    return base | ({"time": str(item["time"])} if "time" in item else {})


def effects_from_stored(data: bytes) -> list[Json]:
    """Effects in their JSON mapping, of their stored form."""
    effects = []
    for item in decode(data):
        effect: Json = {"collection": item["collection"], "record": id_text(item["record"]), "state": item["state"]}
        if "values" in item:
            ascending = sorted(item["values"].items(), key=lambda pair: pair[0].encode("utf-8"))
            effect["values"] = [
                {"field": name} if value is None else {"field": name, "value": value_to_json(value)}
                for name, value in ascending
            ]
        effects.append(effect)
    return effects

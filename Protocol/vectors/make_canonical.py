#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes the vectors of canonical bytes and digests, from spec/model.md alone. With `--check` it compares them instead.

It shares no code with the Swift sources, nor with Clients/Python, so that an agreement means something.
"""
import base64
import hashlib
import hmac
import json
import pathlib
import sys

HERE = pathlib.Path(__file__).parent


def head(major: int, n: int) -> bytes:
    if n < 24:
        return bytes([major << 5 | n])
    for code, size in ((24, 1), (25, 2), (26, 4), (27, 8)):
        if n < 1 << 8 * size:
            return bytes([major << 5 | code]) + n.to_bytes(size, "big")
    raise ValueError(n)


def cbor(value) -> bytes:
    if value is None:
        return b"\xf6"
    if isinstance(value, int):
        return head(0, value) if value >= 0 else head(1, -1 - value)
    if isinstance(value, bytes):
        return head(2, len(value)) + value
    if isinstance(value, str):
        return head(3, len(value.encode())) + value.encode()
    if isinstance(value, list):
        return head(4, len(value)) + b"".join(map(cbor, value))
    pairs = sorted((cbor(k), cbor(v)) for k, v in value.items())
    return head(5, len(pairs)) + b"".join(k + v for k, v in pairs)


def sha(data: bytes) -> bytes:
    return hashlib.sha256(data).digest()


def uuid(text: str) -> bytes:
    return bytes.fromhex(text.replace("-", ""))


def seed_of(c: dict) -> bytes:
    """Base64, as in the JSON mapping of the messages."""
    return base64.b64decode(c["seed"])


def base(b: dict) -> list:
    return [uuid(b["epoch"]), int(b["version"])]


def value(v):
    """A value in the JSON mapping of the messages: {}, {"integer": "5"}, {"text": …}, {"set": {"elements": […]}}."""
    if not v:
        return None
    if "integer" in v:
        return int(v["integer"])
    return v["text"] if "text" in v else v["set"].get("elements", [])


def commitment(v, seed: bytes, position: int, field: str, place: str) -> bytes:
    salt = sha(seed + cbor([position, field, place]))[:16]
    return sha(salt + cbor(v))


def change_set_bytes(c: dict) -> bytes:
    seed = seed_of(c)
    time = int(c["time"])
    operations = []
    for position, o in enumerate(c["operations"]):
        own = int(o.get("time", time))
        item = {"kind": o["kind"], "collection": o["collection"], "record": uuid(o["record"])}
        if "base" in o:
            item["base"] = base(o["base"])
        if own != time:
            item["time"] = own
        fields = {}
        for f in o.get("fields", []):
            edit = {}
            for place in ("before", "after"):
                v = value(f.get(place))
                if v is not None:
                    edit[place] = commitment(v, seed, position, f["field"], place)
            if "base" in f:
                edit["base"] = base(f["base"])
            if int(f.get("time", own)) != own:
                edit["time"] = int(f["time"])
            fields[f["field"]] = edit
        if fields:
            item["fields"] = fields
        operations.append(item)
    whole = {
        "id": uuid(c["id"]),
        "base": base(c["base"]),
        "time": time,
        "schema": int(c["schema"]),
        "operations": operations,
    }
    if c.get("seen"):
        whole["seen"] = [bytes.fromhex(h) for h in c["seen"]]
    if c.get("message"):
        whole["message"] = c["message"]
    return cbor(whole)


def effects_bytes(effects: list, seed: bytes) -> bytes:
    items = []
    for position, e in enumerate(effects):
        item = {"state": e["state"], "collection": e["collection"], "record": uuid(e["record"])}
        values = {}
        for pair in e.get("values", []):
            v = value(pair.get("value"))
            values[pair["field"]] = (
                None if v is None else commitment(v, seed, position, pair["field"], "effect")
            )
        if values:
            item["values"] = values
        items.append(item)
    return cbor(items)


def state_digest(records: list) -> bytes:
    sums = [0] * 256
    for r in records:
        content = cbor([r["collection"], uuid(r["record"]), {k: value(v) for k, v in r["values"].items()}])
        bucket = uuid(r["record"])[-1]
        sums[bucket] = (sums[bucket] + int.from_bytes(sha(content), "big")) % (1 << 256)
    return sha(b"".join(s.to_bytes(32, "big") for s in sums))


EPOCH = "5b0c0c1e-8f0a-4c56-9d3a-3f1f5a0e7c11"
PROJECT = "0197a1b2-c3d4-7000-8000-0000000000aa"
TASK = "0197a1b2-c3d4-7000-9000-00000000ff01"
CHANGE_SET = {
    "id": "11111111-2222-4333-8444-555555555555",
    "seed": "AAECAwQFBgcICQoLDA0ODw==",
    "schema": "1",
    "base": {"epoch": EPOCH, "version": "7"},
    "seen": ["ab" * 32],
    "message": "møde i 北京",
    "time": "1750000000000",
    "operations": [
        {
            "kind": "insert", "collection": "task", "record": TASK, "time": "1749999990000",
            "fields": [
                {"field": "assignees", "after": {"set": {"elements": ["Li", "Østergård"]}}},
                {"field": "title", "after": {"text": "Inception report"}, "time": "1749999995000"},
            ],
        },
        {
            "kind": "update", "collection": "project", "record": PROJECT,
            "base": {"epoch": EPOCH, "version": "5"},
            "fields": [
                {"field": "end", "before": {"text": "2026-12-31"}},
                {"field": "progress", "before": {"integer": "-1"}, "after": {"integer": "100000"},
                 "base": {"epoch": EPOCH, "version": "3"}},
            ],
        },
        {"kind": "delete", "collection": "project", "record": PROJECT},
    ],
}
EFFECTS = [
    {"collection": "task", "record": TASK, "state": "live",
     "values": [{"field": "title", "value": {"text": "Inception report"}}]},
    {"collection": "project", "record": PROJECT, "state": "updated",
     "values": [{"field": "end"}, {"field": "progress", "value": {"integer": "100000"}}]},
]
RECORDS = [
    {"collection": "project", "record": PROJECT, "values": {"title_en": {"text": "Water"}, "progress": {"integer": "40"}}},
    {"collection": "task", "record": TASK, "values": {"title": {"text": "Inception report"}}},
    {"collection": "task", "record": "0197a1b2-c3d4-7000-9000-0000000000aa", "values": {}},
]


differing = []


def write(name: str, spec: str, comment: str, given, expect) -> None:
    scenario = {"name": name, "spec": spec, "comment": comment, "input": given, "expect": expect}
    path, text = HERE / f"{name}.json", json.dumps(scenario, ensure_ascii=False, indent=2) + "\n"
    if "--check" not in sys.argv:
        path.write_text(text, encoding="utf-8")
    elif not path.exists() or path.read_text(encoding="utf-8") != text:
        differing.append(name)


bytes_ = change_set_bytes(CHANGE_SET)
write("canonical-change-set", "model.md#canonical-bytes", "Values stand as salted commitments; nulls and equal times are left out.",
      CHANGE_SET, {"bytes": bytes_.hex(), "hash": sha(bytes_).hex()})

seed = seed_of(CHANGE_SET)
effects = effects_bytes(EFFECTS, seed)
write("canonical-effects", "model.md#canonical-bytes", "A cleared field stands as CBOR null.",
      {"seed": seed.hex(), "effects": EFFECTS}, {"bytes": effects.hex(), "hash": sha(effects).hex()})

write("digest-state", "model.md#state-digest", "Two records share the bucket of their last byte.",
      {"records": RECORDS}, {"digest": state_digest(RECORDS).hex()})

write("digest-state-empty", "model.md#state-digest", "No records: SHA-256 of 8192 zero bytes.", {"records": []}, {"digest": state_digest([]).hex()})

OLDER = {"epoch": EPOCH, "version": "5"}
kinds = CHANGE_SET | {
    "operations": [
        {"kind": "restore", "collection": "project", "record": PROJECT, "base": OLDER},
        {
            "kind": "update", "collection": "project", "record": PROJECT,
            "fields": [
                {"field": "end", "before": {"text": "2026"}},
                {"field": "tags", "before": {"set": {"elements": ["a"]}}, "after": {"set": {}}},
                {"field": "title_en", "before": {"text": ""}, "after": {"text": ""}},
            ],
        },
        {"kind": "update", "collection": "task", "record": TASK},
        {"kind": "delete", "collection": "task", "record": TASK, "fields": [{"field": "title", "base": OLDER}]},
    ]
}
del kinds["seen"], kinds["message"]
implied = [
    {"collection": "project", "record": PROJECT, "state": "live"},
    {"collection": "project", "record": PROJECT, "state": "updated",
     "values": [{"field": "end"}, {"field": "tags", "value": {"set": {}}}, {"field": "title_en", "value": {"text": ""}}]},
    {"collection": "task", "record": TASK, "state": "updated"},
    {"collection": "task", "record": TASK, "state": "deleted"},
]
own, theirs = change_set_bytes(kinds), effects_bytes(implied, seed)
write("canonical-kinds", "model.md#history-digest",
      "A restore, a cleared field, an emptied set, two keeps, a delete that gives a base; then the effects that an entry without effects implies.",
      kinds, {"bytes": own.hex(), "hash": sha(own).hex(), "effects": implied, "effects_bytes": theirs.hex(), "effects_hash": sha(theirs).hex()})

values = [{}, {"text": ""}, {"set": {}}, {"integer": "0"}, {"integer": str(-(1 << 63))}, {"integer": str((1 << 63) - 1)},
          {"text": "Østergård 北京"}, {"set": {"elements": ["Li", "Østergård"]}}]
write("commitments", "model.md#canonical-bytes", "Null, the empty text, the empty set and 0 are four values.",
      {"seed": seed.hex(), "position": "3", "field": "title", "place": "after", "values": values},
      {"cbor": [cbor(value(one)).hex() for one in values], "commitments": [commitment(value(one), seed, 3, "title", "after").hex() for one in values]})

author = "22222222-2222-4222-8222-222222222222"
link = {"previous": "00" * 32, "change_set": sha(bytes_).hex(), "effects": sha(effects).hex(), "author": author, "accepted": "1750000001234"}
chained = sha(cbor([bytes(32), sha(bytes_), sha(effects), uuid(author), 1750000001234]))
write("digest-history", "model.md#history-digest", "The first link goes on from 32 zero bytes.", link, {"digest": chained.hex()})

receipt = {"epoch": EPOCH, "version": "8", "author": "44444444-4444-4444-8444-444444444444", "replica": "33333333-3333-7333-8333-333333333333", "number": "12",
           "change_set": CHANGE_SET["id"], "hash": sha(bytes_).hex(), "accepted": "1750000001234", "shift": "-250", "key": "07" * 32}
mac = hmac.new(bytes.fromhex(receipt["key"]), cbor([
    uuid(EPOCH), 8, uuid(receipt["author"]), uuid(receipt["replica"]), 12, uuid(CHANGE_SET["id"]), sha(bytes_), 1750000001234, -250]), hashlib.sha256)
write("receipt", "model.md#receipts", "A MAC under the workspace's key.", receipt, {"receipt": mac.hexdigest()})


def columns(operations: list, time: int) -> dict:
    """Operations in columns (terse.md), in the JSON mapping of the messages."""
    found: dict = {"shapes": [], "operations": [], "record_times": [], "times": [], "field_times": [],
                   "operation_bases": [], "field_bases": [], "bases": [], "kinds": [], "integers": [],
                   "set_sizes": [], "text_bytes": [], "texts": ""}
    rests, last_record, last_time = b"", 0, time
    members: list = []

    def place(b) -> int:
        if b is None:
            return 0
        if b not in found["bases"]:
            found["bases"].append(b)
        return found["bases"].index(b) + 1

    def text(t: str) -> None:
        found["text_bytes"].append(len(t.encode()))
        found["texts"] += t

    def add(v) -> None:
        v = value(v)
        found["kinds"].append(0 if v is None else 1 if isinstance(v, int) else 2 if isinstance(v, str) else 3)
        if isinstance(v, int):
            found["integers"].append(str(v))
        elif isinstance(v, str):
            text(v)
        elif v is not None:
            found["set_sizes"].append(len(v))
            for element in v:
                text(element)

    for o in operations:
        shape = {"kind": o["kind"], "collection": o["collection"]}
        if o.get("fields"):
            shape["fields"] = [f["field"] for f in o["fields"]]
        if shape not in found["shapes"]:
            found["shapes"].append(shape)
            members.append([])
        members[found["shapes"].index(shape)].append(o)
        found["operations"].append(found["shapes"].index(shape))
        record = uuid(o["record"])
        found["record_times"].append(str(int.from_bytes(record[:6], "big") - last_record))
        last_record, rests = int.from_bytes(record[:6], "big"), rests + record[6:]
        own = int(o.get("time", time))
        found["times"].append(str(own - last_time))
        last_time = own
        found["operation_bases"].append(place(o.get("base")))
        for f in o.get("fields", []):
            found["field_times"].append(str(int(f.get("time", own)) - own))
            found["field_bases"].append(place(f.get("base")))
    for shape, same in zip(found["shapes"], members):
        for at in range(len(shape.get("fields", []))):
            for side in ("before", "after"):
                for o in same:
                    add(o["fields"][at].get(side))
    for name in ("times", "field_times", "operation_bases", "field_bases"):
        if all(int(one) == 0 for one in found[name]):
            found[name] = []
    return {name: one for name, one in found.items() if one} | {"record_rests": base64.b64encode(rests).decode()}


MANY = CHANGE_SET | {"operations": CHANGE_SET["operations"] + [
    {"kind": "update", "collection": "project", "record": "0197a1b2-c3d4-7000-8000-0000000000ab",
     "fields": [{"field": "end", "before": {"text": "2026-12-31"}, "after": {"text": "2027-01-31"}},
                {"field": "progress", "after": {"integer": "0"}}]},
    {"kind": "insert", "collection": "task", "record": "0197a1b2-c3d0-7000-9000-00000000ff02",
     "fields": [{"field": "assignees", "after": {"set": {}}}, {"field": "title", "after": {"text": ""}}]},
]}
write("columns", "terse.md#columns", "The same change set with its operations in columns: its bytes and its hash stay.",
      {name: one for name, one in MANY.items() if name != "operations"} | {"columns": columns(MANY["operations"], int(MANY["time"]))},
      {"operations": MANY["operations"], "bytes": change_set_bytes(MANY).hex(), "hash": sha(change_set_bytes(MANY)).hex()})


def conflict_id(field, kind) -> str:
    raw = bytearray(sha(cbor(["ting conflict", uuid(CHANGE_SET["id"]), uuid(PROJECT), field, kind]))[:16])
    raw[6] = raw[6] & 0x0F | 0x80
    raw[8] = raw[8] & 0x3F | 0x80
    h = raw.hex()
    return f"{h[:8]}-{h[8:12]}-{h[12:16]}-{h[16:20]}-{h[20:]}"


for name, field, kind, comment in (
    ("conflict-id", "end", "proposal", "The id follows from change set, record, field and kind."),
    ("conflict-id-record", None, "deleted", "A record's conflict has no field: CBOR null."),
):
    write(name, "merge.md#conflicts", comment,
          {"change_set": CHANGE_SET["id"], "record": PROJECT, "field": field, "kind": kind}, {"id": conflict_id(field, kind)})

if differing:
    sys.exit(f"differ: {' '.join(differing)}")

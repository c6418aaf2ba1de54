# SPDX-License-Identifier: Apache-2.0
"""Every file of Protocol/vectors, each by its own check; a file without a check fails."""

from __future__ import annotations

import base64
import json
import tempfile
import unittest
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from ting_client import canonical, digests, limits
from ting_client.canonical import Json, Malformed, value_from_json, value_to_json
from ting_client.terse import expand
from ting_client.edits import Draft
from ting_client.merge import FieldEdit, merge_field
from ting_client.records import Record, dependents
from ting_client.replica import Replica, State
from ting_client.schema import is_date, is_time, read_schema, schema_path
from ting_client.textmerge import Steps, merge_text
from ting_client.tls import parse_join_address

VECTORS = schema_path().parent.parent / "vectors"
BO = {"author": "bbbbbbbb-0000-4000-8000-000000000002", "replica": "bbbbbbbb-0000-7000-8000-000000000002"}


@contextmanager
def _replica(epoch: str) -> Iterator[Replica]:
    with (
        tempfile.TemporaryDirectory() as folder,
        Replica.create(Path(folder) / "replica.sqlite", read_schema(), "demo", epoch) as replica,
    ):
        yield replica


# --- Bytes and digests ----------------------------------------------------------------------------


def _change_set(given: Json) -> Json:
    data = canonical.change_set_bytes(given)
    return {"bytes": data.hex(), "hash": canonical.sha256(data).hex()}


def _columns(given: Json) -> Json:
    plain = expand(given)
    return {"operations": plain["operations"]} | _change_set(plain)


def _kinds(given: Json) -> Json:
    effects = canonical.authored_effects(given)
    implied = _effects({"seed": canonical.seed_bytes(given).hex(), "effects": effects})
    bare = [{key: value for key, value in one.items() if value != []} for one in effects]
    return _change_set(given) | {
        "effects": bare,
        "effects_bytes": implied["bytes"],
        "effects_hash": implied["hash"],
    }


def _effects(given: Json) -> Json:
    data = canonical.effects_bytes(given["effects"], bytes.fromhex(given["seed"]))
    return {"bytes": data.hex(), "hash": canonical.sha256(data).hex()}


def _commitments(given: Json) -> Json:
    values = [value_from_json(value) for value in given["values"]]
    seed, position = bytes.fromhex(given["seed"]), int(given["position"])
    return {
        "cbor": [canonical.encode(value).hex() for value in values],
        "commitments": [
            canonical.commitment(value, seed, position, given["field"], given["place"]).hex() for value in values
        ],
    }


def _refused(read: Callable[[str], object], texts: list[str]) -> Json:
    for text in texts:
        try:
            read(text)
        except Malformed:
            continue
        return {"refused": False, "read": text}
    return {"refused": True}


def _conflict_id(given: Json) -> Json:
    return {"id": canonical.conflict_id(given["change_set"], given["record"], given["field"], given["kind"])}


def _history(given: Json) -> Json:
    previous, change_set, effects = (bytes.fromhex(given[key]) for key in ("previous", "change_set", "effects"))
    return {"digest": digests.link(previous, change_set, effects, given["author"], int(given["accepted"])).hex()}


def _state(given: Json) -> Json:
    buckets = digests.Buckets()
    for one in given["records"]:
        values = {name: value_from_json(value) for name, value in one["values"].items()}
        buckets.add(one["collection"], one["record"], values)
    return {"digest": buckets.digest().hex()}


def _receipt(given: Json) -> Json:
    entry = {key: given[key] for key in ("version", "author", "replica", "number", "accepted", "shift")}
    made = digests.receipt(
        bytes.fromhex(given["key"]), given["epoch"], entry, given["change_set"], bytes.fromhex(given["hash"])
    )
    return {"receipt": made.hex()}


# --- Forms ----------------------------------------------------------------------------------------


def _join_addresses(given: Json) -> Json:
    return {"parts": [_join_address(text) for text in given["addresses"]]}


def _join_address(text: str) -> Json | None:
    try:
        address = parse_join_address(text)
    except ValueError:
        return None
    parts = {"host": address.host, "port": str(address.port), "code": address.code}
    return parts | ({"pin": address.pin} if address.pin else {})


def _value_json(given: Json, expect: Json) -> bool:
    """A client reads these texts; only servers write them."""
    return [json.loads(text) for text in expect["json"]] == [value_from_json(value) for value in given["values"]]


def _problem(given: Json, expect: Json) -> bool:
    """The request itself is sent by test_server."""
    members = {"type", "title", "status", "code", "remedy"}
    return str(given["path"]).startswith("/") and set(expect["problem"]) == members


# --- Merging --------------------------------------------------------------------------------------


def _field(given: Json) -> Json:
    before, current, after = (value_from_json(given[key]) for key in ("before", "current", "after"))
    unseen, times = (given["writer_unseen"], given["edit_unseen"]), (int(given["current_time"]), int(given["time"]))
    outcome = merge_field(FieldEdit(given["policy"], before, current, after, *unseen, *times, given["values"]))
    conflict = outcome.conflict and {
        "kind": outcome.conflict.kind,
        "other": value_to_json(outcome.conflict.other) or {},
        "other_is_incoming": outcome.conflict.other_is_incoming,
    }
    return {"value": value_to_json(outcome.value) or {}, "writer": outcome.writer, "conflict": conflict}


def _text(given: Json) -> Json:
    steps = Steps(int(given.get("steps", limits.MERGE_STEP_LIMIT)))
    merged = merge_text(given["base"], given["current"], given["incoming"], given["later"] == "incoming", steps)
    return {"text": merged.text, "overlaps": merged.overlaps}


# --- Replicas -------------------------------------------------------------------------------------


def _exchanges(given: Json, expect: Json) -> bool:
    """What a server made of the deliveries, as a replica integrates it: both digests are the server's."""
    with _replica(given["epoch"]) as replica:
        entries = _entries(given, expect)
        replica.integrate(entries, expect["history_digest"], expect["state_digest"])
        return replica.version == len(expect["entries"]) and not replica.outbox()


def _entries(given: Json, expect: Json) -> list[Json]:
    accepted = {
        verdict.get("version"): (exchange, verdict)
        for exchange, answer in reversed(list(zip(given["exchanges"], expect["exchanges"], strict=True)))
        for verdict in answer["verdicts"]
    }
    return [entry | _delivered(*accepted[entry["version"]]) for entry in expect["entries"]]


def _delivered(exchange: Json, verdict: Json) -> Json:
    sets = [one["change_set"] for one in exchange["deliveries"] if one["number"] == verdict["number"]]
    return {
        "change_set": sets[0],
        "author": exchange["member"],
        "replica": exchange["replica"],
        "number": verdict["number"],
        "accepted": exchange["at"],
    }


def _mending(given: Json, expect: Json) -> bool:
    """A damaged replica says its sums, and is whole after the answer, unless it has to sync first."""
    held = [(_content(one), None) for one in given["replica"]["records"]]
    version = int(given["replica"]["version"])
    history = [({"version": str(version)}, bytes(32))]
    with _replica(given["epoch"]) as replica:
        replica.start_from(State(given["epoch"], version, held, history))
        sums = replica.recomputed_buckets().sums
        told = {str(at): one.to_bytes(32, "big").hex() for at, one in enumerate(sums) if one}
        replica.mend(expect["buckets"])
        is_whole = replica.state_digest == expect["state_digest"]
        return bool(told == expect["sums"]) and is_whole == (version == int(expect["head"]))


def _content(message: Json) -> Record:
    values = {pair["field"]: value_from_json(pair["value"]) for pair in message["values"]}
    return Record(message["record"], message["collection"], True, values)


def _sealing(given: Json) -> Json:
    with _replica(given["epoch"]) as replica:
        for step in given["steps"]:
            if "integrate" in step:
                version = {"version": str(replica.version + 1), "accepted": "1750000000000"}
                replica.integrate([version | BO | {"change_set": step["integrate"]}], None, None)
            else:
                draft = Draft(replica)
                for edit in step["edit"]:
                    _carry_out(edit, draft)
                draft.seal()
        outbox = replica.outbox()
        places = {pending.hash: place for place, pending in enumerate(outbox)}
        return {
            "sealed": [
                {
                    "base": pending.change_set["base"],
                    "operations": pending.change_set["operations"],
                    "seen": [places[one] for one in pending.change_set.get("seen", [])],
                }
                for pending in outbox
            ]
        }


def _carry_out(edit: Json, draft: Draft) -> None:
    values = {one["field"]: value_from_json(one.get("after")) for one in edit.get("fields", [])}
    if edit["kind"] == "insert":
        draft.insert(edit["collection"], values, edit["record"])
    elif edit["kind"] == "update":
        draft.update(edit["record"], values)
    elif edit["kind"] == "delete":
        draft.delete(edit["record"])
    else:
        draft.restore(edit["record"])


def _dependents(given: Json) -> Json:
    return {"depends": [one["id"] for one in dependents(given["rejected"], given["later"])]}


# --- All of them ----------------------------------------------------------------------------------

def _bundle(given: Json, expect: Json) -> bool:
    """This client has no bundles (the library of Python has no X25519): the header alone."""
    kind = b"\1" if "request" in expect else b"\2"
    return bytes.fromhex(given["file"]).startswith(b"tingbndl\1" + kind)


MAKE: dict[str, Callable[[Json], Json]] = {
    "canonical-change-set": _change_set,
    "columns": _columns,
    "canonical-kinds": _kinds,
    "canonical-effects": _effects,
    "commitments": _commitments,
    "cbor-refused": lambda given: _refused(lambda text: canonical.decode(bytes.fromhex(text)), given["bytes"]),
    "ids-refused": lambda given: _refused(canonical.id_bytes, given["ids"]),
    "conflict-id": _conflict_id,
    "digest-history": _history,
    "digest-state": _state,
    "receipt": _receipt,
    "dates": lambda given: {"valid": [is_date(text) for text in given["dates"]]},
    "times": lambda given: {"valid": [is_time(text) for text in given["times"]]},
    "join-addresses": _join_addresses,
    "dependents": _dependents,
    "sealing-": _sealing,
    "field-": _field,
    "text-": _text,
}
"""What gives the expectation of a kind of vector."""

HOLDS: dict[str, Callable[[Json, Json], bool]] = {
    "value-json": _value_json,
    "error-": _problem,
    "merge-": _exchanges,
    "verdict-": _exchanges,
    "mend-": _mending,
    "bundle-": _bundle,
}
"""Whether one holds, where a client does only a part of it."""


class VectorTest(unittest.TestCase):
    """One subtest a file."""

    maxDiff = None

    def test_all_files(self) -> None:
        files = sorted(VECTORS.glob("*.json"))
        self.assertGreater(len(files), 100)
        for file in files:
            with self.subTest(file.name):
                scenario = json.loads(file.read_text(encoding="utf-8"))
                self._check(scenario["name"], scenario["input"], scenario["expect"])

    def _check(self, name: str, given: Json, expect: Json) -> None:
        make = next((check for start, check in MAKE.items() if name.startswith(start)), None)
        holds = next((check for start, check in HOLDS.items() if name.startswith(start)), None)
        self.assertTrue(make or holds, "no check for this kind of vector")
        if make:
            self.assertEqual(make(given), expect)
        if holds:
            self.assertTrue(holds(given, expect))


class ExampleTest(unittest.TestCase):
    def test_the_exchange_of_the_specification(self) -> None:
        """The answer of sync.md, as a replica takes it."""
        page = (VECTORS.parent / "spec" / "sync.md").read_text(encoding="utf-8")
        request, response = (
            json.loads(page.split(f"```json {name}\n")[1].split("```")[0]) for name in ("SyncRequest", "SyncResponse")
        )
        with _replica(request["base"]["epoch"]) as replica:
            self.assertEqual(replica.history_digest, request["history_digest"])
            self.assertEqual(replica.state_digest, request["state_digest"])
            replica.integrate(response["entries"], response["history_digest"], response["state_digest"])
        [entry] = response["entries"]
        digest = canonical.change_set_hash(request["deliveries"][0]["change_set"])
        made = digests.receipt(b"\x07" * 32, response["epoch"], entry, entry["change_set"]["id"], digest)
        self.assertEqual(entry["receipt"], base64.b64encode(made).decode("ascii"))


if __name__ == "__main__":
    unittest.main()

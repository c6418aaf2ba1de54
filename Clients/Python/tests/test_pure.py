# SPDX-License-Identifier: Apache-2.0
"""The parts without a file: canonical forms, values, words."""

from __future__ import annotations

import re
import unittest

from ting_client import canonical, limits, wire
from ting_client.records import behind_what_they_list
from ting_client.schema import InvalidValue, read_schema, schema_path
from ting_client.textmerge import words
from ting_client.tls import parse_join_address


class LimitsTest(unittest.TestCase):
    def test_they_are_those_of_the_specification(self) -> None:
        page = (schema_path().parent.parent / "spec" / "limits.md").read_text(encoding="utf-8")
        told = {name.lower(): int(value) for name, value in re.findall(r"^\| `(\w+)` \| (\d+) \|", page, re.MULTILINE)}
        for name, value in vars(limits).items():
            if name.isupper():
                with self.subTest(name):
                    self.assertEqual(value, told.get(name.replace("_", "").lower()))

    def test_an_answer_may_hold_the_largest_entry(self) -> None:
        """Of a control character JSON makes six bytes."""
        for limit in (limits.CHANGE_SET_BYTE_LIMIT + limits.EFFECTS_BYTE_LIMIT, limits.BUCKET_BYTE_LIMIT):
            self.assertGreater(wire.ANSWER_BYTES, len(canonical.json_bytes({"text": "\1" * limit})))
        self.assertLess(wire.SENT_BYTES, limits.REQUEST_BYTE_LIMIT)


class JoinAddressTest(unittest.TestCase):
    def test_a_thing_that_is_said_twice_or_not_at_all(self) -> None:
        code, pin = f"code={'a' * 26}", f"pin={'0' * 64}"
        for query in (
            f"{code}&{pin}&{pin}&trust=system",
            f"{code}&trust=system&pin=",
            f"{code}&trust=system&trust=",
            f"{code}&code=&trust=system",
            f"{code}&{pin}&pin=",
            f"{code}&{pin}&{pin}",
            f"{code}&trust=system&trust=system",
        ):
            with self.subTest(query), self.assertRaises(ValueError):
                parse_join_address(f"ting://h:1/join?{query}")
        self.assertIsNone(parse_join_address(f"ting://h:1/join?{code}&trust=system&x=1&x=").pin)


class CanonicalTest(unittest.TestCase):
    def test_encodings_go_round(self) -> None:
        bounds = (0, 23, 24, -1, -25, 1 << 32, (1 << 63) - 1, -(1 << 63))
        for item in (None, *bounds, b"\x00", "Østergård 北京", ["a", {"b": 1, "aa": []}]):
            self.assertEqual(canonical.decode(canonical.encode(item)), item)

    def test_ids_have_their_versions(self) -> None:
        self.assertEqual(canonical.random_id()[14], "4")
        self.assertEqual(canonical.ordered_id(1750000000000)[:15], "01977420-dc00-7")

    def test_stored_forms_come_back(self) -> None:
        stored = {
            "id": bytes(16),
            "seed": b"\x01" * 16,
            "schema": 1,
            "base": [bytes(16), 7],
            "time": 5,
            "seen": [b"\xab" * 32],
            "message": "møde",
            "operations": [
                {
                    "kind": "update",
                    "collection": "task",
                    "record": bytes(16),
                    "base": [bytes(16), 3],
                    "time": 4,
                    "fields": {"tags": {"before": [], "after": ["水"]}, "due": {"before": "2026", "time": 3}},
                }
            ],
        }
        change_set = canonical.change_set_from_stored(canonical.encode(stored))
        self.assertEqual(canonical.stored_form(change_set), canonical.encode(stored))
        self.assertEqual([edit["field"] for edit in change_set["operations"][0]["fields"]], ["due", "tags"])
        committed = canonical.decode(canonical.change_set_bytes(change_set))
        self.assertEqual(committed | {"operations": []}, {key: stored[key] for key in committed} | {"operations": []})
        effects = [
            {"state": "updated", "collection": "task", "record": bytes(16), "values": {"due": None, "spent_h": 0}}
        ]
        [effect] = canonical.effects_from_stored(canonical.encode(effects))
        self.assertEqual(effect["values"], [{"field": "due"}, {"field": "spent_h", "value": {"integer": "0"}}])


class OrderTest(unittest.TestCase):
    def test_each_comes_behind_what_it_lists(self) -> None:
        made: list[canonical.Json] = []
        for seen in ([], [0], [1], []):
            listed = {"seen": [canonical.change_set_hash(made[place]).hex() for place in seen]}
            base = {"epoch": canonical.random_id()}
            made.append({"id": canonical.random_id(), "seed": "AAAAAAAAAAAAAAAAAAAAAA==", "base": base, "time": "1", "operations": []} | listed)
        first, second, third, alone = made
        ordered = behind_what_they_list([alone, third, first, second])
        self.assertEqual(ordered, [alone, first, second, third])


class SchemaTest(unittest.TestCase):
    def test_refused_values(self) -> None:
        schema = read_schema()
        for collection, name, value in (
            ("project", "progress", 101),
            ("project", "progress", "5"),
            ("project", "progress", True),
            ("project", "tags", [1]),
            ("project", "status", "nope"),
            ("project", "status", None),
            ("project", "title_en", "e\u0301"),
            ("project", "title_en", "a\0"),
            ("project", "tags", ["b", "a"]),
            ("project", "tags", [""]),
            ("project", "sdg", ["99"]),
            ("project", "owner", "x"),
            ("task", "depends_on", ["x"]),
            ("budget_line", "amount", 1 << 63),
        ):
            with self.subTest(f"{collection}.{name} {value!r}"), self.assertRaises(InvalidValue):
                schema.field(collection, name).check(value)  # type: ignore[arg-type]

    def test_an_integer_is_typed_in_ascii_digits(self) -> None:
        schema = read_schema()
        for text in ("1_000", "\u0663\u0664", "1.0", "0x1", "--1", "9" * 5000, "1 000"):
            with self.subTest(text[:20]), self.assertRaises(InvalidValue):
                schema.parse("task", "spent_h", text)
        self.assertEqual([schema.parse("task", "spent_h", text) for text in (" 12 ", "-3", "+4")], [12, -3, 4])

    def test_words(self) -> None:
        self.assertEqual(words("the 2nd 北京 visit."), ["the", " ", "2nd", " ", "北", "京", " ", "visit", "."])


if __name__ == "__main__":
    unittest.main()

# SPDX-License-Identifier: Apache-2.0
"""The command on a replica without a server: what it refuses, with which exit code and which words."""

from __future__ import annotations

import contextlib
import io
import tempfile
import unittest
from pathlib import Path

from ting_client.__main__ import main
from ting_client.canonical import random_id
from ting_client.edits import Draft
from ting_client.replica import Replica
from ting_client.schema import read_schema


class CommandTest(unittest.TestCase):
    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        self.replica = Replica.create(self.folder / "demo.sqlite", read_schema(), "demo", random_id())
        self.addCleanup(self.replica.close)
        draft = Draft(self.replica)
        self.record = draft.insert("project", {"title_en": "a"})
        draft.seal()

    def command(self, *arguments: str) -> tuple[int, str]:
        """The exit code, and all that was printed."""
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(printed):
            code = main(["--home", str(self.folder), *arguments])
        return code, printed.getvalue()

    def assert_refused(self, code: int, words: str, *arguments: str) -> None:
        """It says so in a line or two, and nothing is edited."""
        before = len(self.replica.outbox())
        ended, printed = self.command(*arguments)
        self.assertEqual(ended, code, printed)
        self.assertIn(words, printed)
        self.assertLessEqual(len(printed.splitlines()), 2)
        self.assertEqual(len(self.replica.outbox()), before)

    def test_a_pair_has_a_field_and_a_value(self) -> None:
        for pair in ("title_en", "=x"):
            self.assert_refused(2, "FIELD=VALUE", "set", self.record, pair)
            self.assert_refused(2, "FIELD=VALUE", "add", "project", pair)
        self.assertEqual(self.command("set", self.record, "title_en=")[0], 0)
        self.assertEqual(self.command("list", "project")[1], f"{self.record} {{}}\n")

    def test_a_record_is_named_by_four_characters_at_least(self) -> None:
        for tail in ("", self.record[-3:]):
            self.assert_refused(2, "4 characters", "set", tail, "title_en=x")
            self.assert_refused(2, "4 characters", "delete", tail)
        self.assertEqual(self.command("set", self.record[-4:], "title_en=x"), (0, ""))

    def test_a_choice_has_a_form(self) -> None:
        conflict = self.conflict("title_en")
        for choice in ("value", "keep=x", "take=", "x"):
            self.assert_refused(2, "value=V", "resolve", conflict, choice)
        self.assertEqual(self.command("resolve", conflict, "value=c"), (0, ""))
        self.assert_refused(1, "settled already", "resolve", conflict, "keep")

    def test_a_conflict_about_a_record_takes_no_value_and_conflicts_are_left_to_resolve(self) -> None:
        conflict = self.conflict(None)
        self.assert_refused(1, "whole record", "resolve", conflict, "value=x")
        self.assert_refused(1, "0 records", "set", conflict, "status=settled")
        self.assert_refused(1, "0 records", "delete", conflict)
        self.assertIsNotNone(self.replica.record(self.record))

    def conflict(self, field: str | None) -> str:
        values = {"collection": "project", "record": self.record, "kind": "field" if field else "deleted"}
        values |= {"field": field, "other": '"b"'} if field else {}
        edits = [{"field": name, "after": {"text": values[name]}} for name in sorted(values)]
        conflict = random_id()
        operation = {"kind": "insert", "collection": "conflict", "record": conflict, "fields": edits}
        draft = Draft(self.replica)
        draft._operations = [operation]
        draft.seal()
        return conflict

    def test_an_integer_is_asked_for_in_a_sentence(self) -> None:
        self.assert_refused(1, "progress holds an integer, not 'x'", "set", self.record, "progress=x")


if __name__ == "__main__":
    unittest.main()

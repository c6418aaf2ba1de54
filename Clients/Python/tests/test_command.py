# SPDX-License-Identifier: Apache-2.0
"""The command on a replica without a server: what it refuses, with which exit code and which words."""

from __future__ import annotations

import contextlib
import io
import json
import os
import sqlite3
import tempfile
import unittest
from pathlib import Path
from typing import Any
from unittest.mock import patch

from ting_client import limits
from ting_client.__main__ import main
from ting_client.canonical import random_id
from ting_client.edits import Draft
from ting_client.home import NoKey, _public_key
from ting_client.replica import Replica
from ting_client.schema import read_schema

from .hostile import HostileServer, Request


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

    def sign_in(self, **kept: object) -> None:
        member = {"host": "127.0.0.1", "port": 1, "ca": None, "token": "x", "member": random_id()}
        (self.folder / "server.json").write_text(json.dumps(member | kept), encoding="utf-8")

    def test_a_rejection_is_told_without_moving_the_cursor_and_ends_with_five(self) -> None:
        own_epoch = self.replica.epoch

        def answer(request: Request) -> None:
            agreeing = {name: request.message[name] for name in ("history_digest", "state_digest")}
            verdicts = [
                {"change_set": one["change_set"]["id"], "verdict": "rejected", "code": "odd", "detail": "\x1b[2J\nso"}
                for one in request.message.get("deliveries", [])
            ]
            epoch = {"epoch": own_epoch, "history_agrees": True, "digests_agree": True}
            request.give(agreeing | epoch | {"verdicts": verdicts})

        server = HostileServer(answer)
        self.sign_in(port=server.port, ca=server.certificate)
        with server:
            code, printed = self.command("sync")
            self.assertEqual(code, 5, printed)
            self.assertIn(": odd: \\u001b[2J\\u000aso\n", printed)
            self.assertIn("\\u001b[2J\\u000aso", self.command("quarantine")[1])
            self.assertEqual(self.command("sync")[0], 0)
            self.sign_in(port=server.port, ca=server.certificate, member=random_id())
            self.assert_refused(1, "another member", "sync")

    def test_what_fails_below_is_told_in_a_sentence(self) -> None:
        self.assert_refused(1, "has not joined a server", "sync")
        (self.folder / "server.json").write_text("{", encoding="utf-8")
        self.assert_refused(1, "server.json is damaged", "sync")
        self.sign_in()
        self.assert_refused(1, "refused", "sync")
        self.assert_refused(1, "looks like ting://", "join", "x")
        with patch.dict(os.environ, PATH=""), self.assertRaises(NoKey):
            _public_key(self.folder / "key.pem")

    def test_a_file_that_is_locked_or_no_replica(self) -> None:
        other = sqlite3.connect(self.replica.path, isolation_level=None)
        other.execute("BEGIN EXCLUSIVE")
        with patch.object(limits, "REPLICA_BUSY_SECONDS", 0):
            ended, printed = self.command("list", "project")
        other.close()
        self.assertEqual((ended, len(printed.splitlines())), (1, 2))
        self.assertIn("locked", printed)
        (self.folder / "bad.sqlite").write_bytes(b"no database" * 1000)
        self.assert_refused(1, "not a database", "--workspace", "bad", "list", "project")
        (self.folder / "empty.sqlite").touch()
        self.assert_refused(1, "can't be used", "--workspace", "empty", "verify")
        self.replica._db.execute("DELETE FROM meta WHERE key = 'epoch'")
        self.assertEqual(self.command("--workspace", "demo", "set", self.record, "title_en=b")[0], 1)

    def test_what_the_disk_does_is_told_with_what_helps(self) -> None:
        """Never to move a file away in which edits may wait."""
        for kind, words in (
            (sqlite3.SQLITE_FULL, "the disk is full"),
            (sqlite3.SQLITE_IOERR | 3 << 8, "copy the file before anything else"),
            (sqlite3.SQLITE_BUSY, "another program uses"),
            (sqlite3.SQLITE_CORRUPT, "Keep the file"),
        ):
            error = sqlite3.OperationalError("it failed")
            error.sqlite_errorcode = kind
            with patch.object(Replica, "records", side_effect=error):
                code, printed = self.command("list", "project")
            self.assertEqual((code, len(printed.splitlines())), (1, 2), printed)
            self.assertIn(words, printed)
            self.assertNotIn("ove it away", printed)
        self.replica._db.execute("DELETE FROM meta WHERE key = 'epoch'")
        self.assert_refused(1, "Keep the file", "set", self.record, "title_en=b")

    def test_a_full_disk_ends_a_command_in_a_sentence(self) -> None:
        real = sqlite3.connect

        def small(*arguments: Any, **more: Any) -> sqlite3.Connection:
            connection: sqlite3.Connection = real(*arguments, **more)
            pages = connection.execute("PRAGMA page_count").fetchone()[0]
            connection.execute(f"PRAGMA max_page_count = {pages}")
            return connection

        with patch.object(sqlite3, "connect", small):
            self.assert_refused(1, "Make room on it", "add", "project", "summary=" + "x" * 100_000)

    def test_what_waits_is_shown_and_discarded_by_its_id(self) -> None:
        [pending] = self.replica.outbox()
        own_id = pending.change_set["id"]
        self.assertEqual(self.command("outbox"), (0, f"{own_id} (1 operations)\n"))
        for wrong in ("", own_id[:8], random_id()):
            self.assert_refused(1, "no change set", "outbox", "--discard", wrong)
        self.assertEqual(self.command("outbox", "--discard", own_id), (0, ""))
        self.assertEqual(self.command("list", "project"), (0, ""))

    def test_several_are_judged_again_in_the_order_of_edits(self) -> None:
        self.assertEqual(self.command("set", self.record, "title_en=b")[0], 0)
        ids = [pending.change_set["id"] for pending in self.replica.outbox()]
        for one in ids:
            self.replica.reject(one, "role_too_low", "")
        self.assert_refused(1, "not all", "quarantine", "--retry", ids[0], random_id())
        self.assert_refused(1, "no change set", "quarantine", "--discard", "")
        self.assertEqual(self.command("quarantine", "--retry", *reversed(ids)), (0, ""))
        self.assertEqual([pending.change_set["id"] for pending in self.replica.outbox()], ids)

    def test_verify_recomputes_both_digests(self) -> None:
        self.integrate_outbox()
        self.assertEqual(self.command("verify")[0], 0)
        self.replica._db.execute("UPDATE entry SET body = replace(body, '\"a\"', '\"b\"')")
        code, printed = self.command("verify")
        self.assertEqual(code, 1)
        self.assertIn("the entry of version 1 is missing or damaged", printed)
        self.replica._db.execute("DELETE FROM entry")
        self.assertEqual(self.command("verify")[0], 1)

    def integrate_outbox(self) -> None:
        entry = {"author": random_id(), "replica": self.replica.replica_id, "accepted": "1"}
        for version, pending in enumerate(self.replica.outbox(), 1):
            self.replica.integrate([entry | {"version": str(version), "change_set": pending.change_set}], None, None)

    def test_nobody_else_reads_the_files(self) -> None:
        aside = self.replica.copy_aside()
        with self.replica.alone():
            modes = {path.name: path.stat().st_mode & 0o777 for path in self.folder.iterdir()}
        self.assertEqual(modes, dict.fromkeys(("demo.sqlite", "demo.sqlite.lock", aside.name), 0o600))

    def test_a_clone_that_is_refused_leaves_no_file_in_the_folder_or_outside(self) -> None:
        server = HostileServer(lambda request: request.give_bytes(b'{"code": "workspace_not_found"}', 404))
        self.sign_in(port=server.port, ca=server.certificate)
        before, outside = sorted(self.folder.iterdir()), random_id()
        with server:
            self.assert_refused(1, "the name of no workspace", "clone", f"../{outside}")
            self.assert_refused(1, "workspace_not_found", "clone", "elsewhere")
        self.assertEqual(sorted(self.folder.iterdir()), before)
        self.assertEqual(list(self.folder.parent.glob(f"{outside}*")), [])

    def test_an_integer_is_asked_for_in_a_sentence(self) -> None:
        self.assert_refused(1, "progress holds an integer, not 'x'", "set", self.record, "progress=x")


if __name__ == "__main__":
    unittest.main()

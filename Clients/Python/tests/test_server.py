# SPDX-License-Identifier: Apache-2.0
"""Against the real server and the reference client; skipped where `TING_BIN` names no folder with them."""

from __future__ import annotations

import itertools
import json
import os
import random
import re
import shutil
import sqlite3
import ssl
import subprocess
import sys
import unittest
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from unittest.mock import patch
from urllib.parse import quote

from ting_client import answers, limits
from ting_client.answers import Form
from ting_client.canonical import Json, Value, random_id, sha256
from ting_client.edits import settle
from ting_client.home import Home, OtherServer
from ting_client.replica import OtherMember, Replica
from ting_client.schema import Field, Schema, schema_path
from ting_client.snapshot import SnapshotDamaged, download, opened
from ting_client.sync import Report, sync
from ting_client.tls import PinMismatch
from ting_client.wire import Problem, Server, workspace_path

from .hostile import HostileServer, Request
from .programs import BIN, SECONDS, Member, Reference, Tingd, run


@unittest.skipUnless(BIN, "TING_BIN names no folder with tingd and ting")
class ServerTest(unittest.TestCase):
    """The tests of a class share a server; each has a workspace of its own."""

    tingd: Tingd
    _workspaces = itertools.count(1)

    @classmethod
    def setUpClass(cls) -> None:
        cls.tingd = Tingd()
        cls.addClassCleanup(lambda: cls.tingd.remove())

    def setUp(self) -> None:
        self.workspace = f"w{next(self._workspaces)}"

    def member(self, name: str, role: str = "editor", from_entries: bool = False) -> Member:
        address = self.tingd.invite(self.workspace, name, role)
        member = Member.joined(self.tingd.new_home(), address, self.workspace, from_entries)
        self.addCleanup(member.close)
        return member

    def reference(self, name: str, role: str = "editor") -> Reference:
        return Reference(self.tingd.new_home(), self.tingd.invite(self.workspace, name, role), self.workspace)

    def assert_equal_digests(self, *members: Member | Reference) -> None:
        for member in members:
            member.sync()
        self.assertEqual(len({member.digests() for member in members}), 1)


class JoinTest(ServerTest):
    def test_a_wrong_pin_sends_no_code(self) -> None:
        address = self.tingd.invite(self.workspace, "Bo", "owner")
        wrong = re.sub("pin=.*", "pin=" + "00" * 32, address)
        home = self.tingd.new_home()
        with self.assertRaises(PinMismatch):
            Home(home).join(wrong, "test")
        Home(home).join(address, "test")
        with self.assertRaises(Problem) as caught:
            Home(home).join(address, "test")
        self.assertEqual(caught.exception.code, "invalid_code")

    def test_a_join_whose_answer_was_lost_is_done_again(self) -> None:
        address, folder = self.tingd.invite(self.workspace, "Bo", "owner"), self.tingd.new_home()
        real, tokens = Server.call, []

        def losing(*arguments: object, **more: object) -> Json:
            answer = real(*arguments, **more)  # type: ignore[arg-type]
            tokens.append(answer["token"])
            if len(tokens) == 1:
                raise ConnectionResetError
            return answer

        with patch.object(Server, "call", losing):
            with self.assertRaises(ConnectionResetError):
                Home(folder).join(address, "test")
            Home(folder).join(address, "test")
        self.assertEqual(tokens[0], tokens[1])
        self.assertEqual({path.name for path in folder.iterdir()}, {"server.json", "key.pem"})
        self.assertEqual(folder.stat().st_mode & 0o777, 0o700)

    def test_a_folder_stays_with_its_server_and_its_member(self) -> None:
        bo = self.member("Bo", "owner")
        before = {path.name: path.read_bytes() for path in bo.home.folder.iterdir()}
        asked: list[Request] = []
        other = HostileServer(asked.append)
        pin = sha256(ssl.PEM_cert_to_DER_cert(other.certificate)).hex()
        with other, self.assertRaises(OtherServer):
            bo.home.join(f"ting://127.0.0.1:{other.port}/join?code={'a' * 26}&pin={pin}", "test")
        self.assertEqual(asked, [])
        with self.assertRaises(OtherMember):
            bo.home.join(self.tingd.invite(self.workspace, "Li"), "test")
        after = {path.name: path.read_bytes() for path in bo.home.folder.iterdir()}
        self.assertEqual(after, before)
        bo.home.join(self.tingd.invite(self.workspace, "Bo", "owner"), "test")
        after = {path.name: path.read_bytes() for path in bo.home.folder.iterdir()}
        self.assertEqual(after, before)

    def test_owners_of_two_workspaces_invite_one_person(self) -> None:
        """The second join gave a device for that workspace alone, and took the token of the first away."""
        slugs = [self.workspace, f"w{next(self._workspaces)}"]
        owners = [Reference(self.tingd.new_home(), self.tingd.invite(slug, "Anna", "owner"), slug) for slug in slugs]
        addresses = [owner("invite", "--name", "Eva", "--email", "eva@example.org") for owner in owners]
        home = Home(self.tingd.new_home())
        first = home.join(addresses[0], "test")
        before = {path.name: path.read_bytes() for path in home.folder.iterdir()}
        for _ in range(2):
            answer = home.join(addresses[1], "test")
            self.assertEqual((answer["device"], answer["token"]), (first["device"], first["token"]))
            self.assertEqual({one["slug"] for one in answer["workspaces"]}, set(slugs))
            self.assertEqual({path.name: path.read_bytes() for path in home.folder.iterdir()}, before)
        for slug in slugs:
            self.assertEqual(home.clone(slug).rejected, [])

    def test_a_token_that_was_revoked_gets_another(self) -> None:
        bo = self.member("Bo", "owner")
        bo.server.raw("DELETE", f"/v1/devices/{self._device(bo)}", None, {})
        bo.home.join(self.tingd.invite(self.workspace, "Bo", "owner"), "test")
        self.assertNotEqual(bo.home.server().token, bo.server.token)

    def _device(self, member: Member) -> str:
        _, _, data = member.server.raw("GET", "/v1/devices", None, {})
        [current] = [one["id"] for one in json.loads(data)["devices"] if one.get("current")]
        return str(current)

    def test_snapshot_and_entries_give_the_same_replica(self) -> None:
        first = self.member("Bo", "owner")
        records = [
            first.add("project", title_en=f"project {at}", tags=["å", "北京"], summary="x" * 8000) for at in range(40)
        ]
        first.change(records[0], status="active", summary="line\n")
        first.delete(records[1])
        first.sync()
        second, third = self.member("Li"), self.member("Eva", from_entries=True)
        self.assertEqual(second.replica.version, 42)
        self.assert_equal_digests(first, second, third, self.reference("Anna"))
        self.assertEqual(len(second.replica.records("project")), 39)
        self.assertEqual(second.replica.entries(0, 1 << 30), third.replica.entries(0, 1 << 30))
        second.restore(records[1])
        self.assertEqual(second.values(records[1])["title_en"], "project 1")
        self._damaged_download(second)

    def _damaged_download(self, member: Member) -> None:
        """A block that is already there isn't fetched; a damaged manifest is noticed."""
        target = self.tingd.folder / "snapshot"
        manifest = download(member.server, self.workspace, target)
        self.assertGreater(len(manifest["block_hashes"]), 1)
        with opened(target, member.replica.schema) as state:
            entries = [entry["change_set"]["id"] for entry, _ in state.entries]
            self.assertTrue(all(state.holds(change_set) for change_set in entries))
            self.assertFalse(state.holds(random_id()))
        calls: list[str] = []
        server = _Watched(member.server, calls, lambda answer: answer)
        with target.open("r+b") as file:
            file.write(b"\0")
        download(server, self.workspace, target)  # type: ignore[arg-type]
        self.assertEqual(sum(call.endswith("/snapshot") for call in calls), 1)
        with self.assertRaises(SnapshotDamaged):
            bad = _Watched(member.server, calls, lambda answer: answer | {"block_hashes": ["00" * 32]})
            download(bad, self.workspace, target)  # type: ignore[arg-type]

    def test_the_command(self) -> None:
        anna, home = self.reference("Anna", "owner"), self.tingd.new_home()

        def command(*arguments: str) -> str:
            done = subprocess.run(
                [sys.executable, "-m", "ting_client", "--home", str(home), *arguments],
                cwd=Path(__file__).resolve().parents[1],
                env=os.environ | {"TING_SCHEMA": str(schema_path())},
                capture_output=True,
                text=True,
                timeout=SECONDS,
            )
            self.assertEqual((done.returncode, done.stderr), (0, ""))
            return done.stdout.strip()

        self.assertIn("joined as Bo", command("join", self.tingd.invite(self.workspace, "Bo")))
        self.assertIn("version 0", command("clone", self.workspace))
        record = command("add", "project", "title_en=Water", "tags=b, a", "progress=5", "--message", "møde")
        command("sync")
        anna("sync")
        anna("set", record, "start=2026")
        command("set", record[-6:], "start=2027", "progress=")
        anna("sync")
        self.assertIn("1 merged", command("sync"))
        self.assertEqual(
            command("list", "project"), record + ' {"start": "2026", "tags": ["a", "b"], "title_en": "Water"}'
        )
        [line] = command("conflicts").splitlines()
        self.assertIn("proposal", line)
        command("resolve", line.split()[0], "value=2028-01")
        command("delete", record)
        command("restore", record)
        command("sync")
        anna("sync")
        self.assertEqual((command("conflicts"), command("quarantine")), ("", ""))
        state, history = anna.digests()
        self.assertEqual(command("verify"), f"version 6\nstate    {state}\nhistory  {history}")


class CloneTest(ServerTest):
    """Nothing that a person edited is lost by a clone that fails."""

    def setUp(self) -> None:
        super().setUp()
        anna = self.member("Anna", "owner")
        anna.add("project", title_en="a")
        anna.sync()
        self.home = Home(self.tingd.new_home())
        self.home.join(self.tingd.invite(self.workspace, "Bo"), "test")
        self.path = self.home.replica_path(self.workspace)
        self.before = sorted(self.home.folder.iterdir())

    def test_nobody_edits_a_replica_before_it_is_whole_and_a_cut_one_leaves_nothing(self) -> None:
        for from_entries in (False, True):

            def cut(*_: object) -> Report:
                with self.assertRaises(FileNotFoundError):
                    self.home.replica(self.workspace)
                raise ConnectionResetError

            with patch("ting_client.home.sync", cut), self.assertRaises(ConnectionResetError):
                self.home.clone(self.workspace, from_entries)
            self.assertEqual(sorted(self.home.folder.iterdir()), self.before)

    def test_a_file_that_comes_meanwhile_stays(self) -> None:
        def beside(server: Server, replica: Replica) -> Report:
            self.path.write_bytes(b"somebody's")
            return sync(server, replica)

        with patch("ting_client.home.sync", beside), self.assertRaisesRegex(FileExistsError, "already"):
            self.home.clone(self.workspace)
        self.assertEqual(self.path.read_bytes(), b"somebody's")
        self.assertEqual(sorted(self.home.folder.iterdir()), sorted([*self.before, self.path]))

    def test_of_two_clones_at_once_one_is_made(self) -> None:
        def clone() -> bool:
            try:
                return bool(Home(self.home.folder).clone(self.workspace).version)
            except FileExistsError:
                return False

        with ThreadPoolExecutor() as pool:
            self.assertEqual(sorted(one.result() for one in [pool.submit(clone) for _ in range(2)]), [False, True])
        self.assertEqual(sorted(self.home.folder.iterdir()), sorted([*self.before, self.path]))
        with closing(Member(self.home, self.workspace)) as member:
            self.assertEqual((member.sync().version, len(member.replica.records("project"))), (1, 1))

    def test_without_hard_links_it_gets_its_name_too(self) -> None:
        with patch("os.link", side_effect=PermissionError):
            self.home.clone(self.workspace)
        self.assertEqual(sorted(self.home.folder.iterdir()), sorted([*self.before, self.path]))

    def test_an_older_program_clones_from_entries_with_the_servers_schema(self) -> None:
        whole = self.home.schema
        self.home.schema = Schema(0, whole.collections)
        self.home.schema.collections["project"] = {
            name: field for name, field in whole.collections["project"].items() if name != "title_en"
        }
        self.home.clone(self.workspace, from_entries=True)
        with closing(self.home.replica(self.workspace)) as replica:
            self.assertEqual([one.values for one in replica.records("project")], [{"title_en": "a"}])
            self.assertEqual((replica.version, replica.schema.version), (1, whole.version))


class TogetherTest(ServerTest):
    def test_concurrent_edits_conflict_and_settle(self) -> None:
        anna, bo = self.reference("Anna", "owner"), self.member("Bo")
        record = anna("add", "project", "code=P1", "title_en=Water", "summary=one two").splitlines()[-1]
        anna("sync")
        bo.sync()
        anna("set", record, "title_en=Anna's", "progress=10", "start=2026", "tags=a", "summary=one 2")
        anna("sync")
        bo.change(record, title_en="Bo's", start="2027-02", tags=["b"], summary="1 two")
        report = bo.sync()
        self.assertEqual((len(report.merged), report.received), (1, 2))
        self.assertEqual(
            bo.values(record),
            {"code": "P1", "title_en": "Bo's", "progress": 10, "start": "2026", "tags": ["a", "b"], "summary": "1 2"},
        )
        self.assertEqual(bo.held_aside(), {"title_en": ("field", "Anna's"), "start": ("proposal", "2027-02")})
        for one in bo.open_conflicts():
            settle(bo.replica, one.id, "take" if one.values["field"] == "start" else "keep")
        self.assertEqual(len(bo.sync().accepted), 2)
        anna("sync")
        self.assertEqual((bo.open_conflicts(), anna("conflicts")), ([], ""))
        self.assertEqual((bo.values(record)["start"], bo.values(record)["title_en"]), ("2027-02", "Bo's"))
        self.assert_equal_digests(anna, bo, self.member("Eva", from_entries=True))

    def test_a_delete_against_an_edit(self) -> None:
        anna, bo = self.member("Anna", "owner"), self.member("Bo")
        record = anna.add("project", title_en="a")
        anna.sync()
        bo.sync()
        anna.change(record, title_en="b")
        anna.sync()
        bo.delete(record)
        bo.sync()
        [conflict] = bo.open_conflicts()
        self.assertEqual((conflict.values["kind"], bo.values(record)["title_en"]), ("deleted", "b"))
        settle(bo.replica, conflict.id, "take")
        bo.sync()
        self.assertIsNone(bo.replica.record(record))
        bo.restore(record)
        bo.sync()
        self.assertEqual((bo.values(record), bo.open_conflicts()), ({"title_en": "b"}, []))
        self.assert_equal_digests(anna, bo)

    def test_parents_come_back_and_codes_get_a_suffix(self) -> None:
        anna, bo = self.member("Anna", "owner"), self.reference("Bo")
        project = anna.add("project", code="P1")
        anna.sync()
        bo("sync")
        anna.add("task", project=project, title="t")
        anna.sync()
        bo("delete", project)
        bo("add", "project", "code=P2")
        second = anna.add("project", code="P2")
        bo("sync")
        anna.sync()
        self.assertEqual(anna.values(second)["code"], "P2~2")
        self.assertEqual({one.values["kind"] for one in anna.open_conflicts()}, {"parent", "unique"})
        self.assert_equal_digests(anna, bo)

    def test_small_pages(self) -> None:
        anna, bo = self.member("Anna", "owner"), self.member("Bo")
        for at in range(5):
            anna.add("project", title_en=str(at))
        anna.sync()
        pending = bo.add("project", title_en="bo")
        report = bo.sync(page_bytes=1)
        self.assertEqual((report.received, report.version, bo.replica.outbox()), (6, 6, []))
        self.assertEqual(bo.values(pending), {"title_en": "bo"})
        self.assert_equal_digests(anna, bo)

    def test_many_random_edits(self) -> None:
        chance = random.Random(7)
        members: list[Member] = [self.member("Anna", "owner"), self.member("Bo"), self.member("Li", from_entries=True)]
        for _ in range(80):
            _random_step(chance, chance.choice(members))
        for member in members:
            member.sync()
        self.assert_equal_digests(*members, self.reference("Eva"), self.member("Ida", from_entries=True))


class RejectionTest(ServerTest):
    def test_a_rejected_change_set_and_what_builds_on_it(self) -> None:
        bo = self.member("Bo", "owner")
        good = bo.add("project", title_en="good")
        fields = [{"field": "progress", "after": {"integer": "500"}}]
        bad = bo.put({"kind": "insert", "collection": "project", "fields": fields})
        task = bo.add("task", project=bad, title="t")
        report = bo.sync()
        self.assertEqual([code for _, code, _ in report.rejected], ["invalid_value", "depends_on_rejected"])
        self.assertEqual((bo.replica.record(bad), bo.replica.record(task), bo.replica.outbox()), (None, None, []))
        self.assertEqual(bo.values(good), {"title_en": "good"})
        for own_id, *_ in bo.replica.quarantine():
            self.assertTrue(bo.replica.discard(own_id))
        self.assert_equal_digests(bo, self.reference("Anna"))

    def test_what_builds_on_a_rejected_one_of_an_earlier_page(self) -> None:
        """It never reaches the server, and its link tells what its author had seen behind it."""
        bo = self.member("Bo", "owner")
        record = bo.add("project", title_en="a")
        bo.sync()
        bo.change(record, title_en="b")
        bad = bo.put({"kind": "insert", "collection": "project", "fields": [{"field": "x", "after": {"text": "y"}}]})
        bo.add("task", project=bad)
        bo.change(record, title_en="c")
        with patch.object(limits, "DELIVERY_LIMIT", 2):
            report = bo.sync()
        self.assertEqual([code for _, code, _ in report.rejected], ["invalid_value", "depends_on_rejected"])
        self.assertEqual((bo.values(record), bo.open_conflicts()), ({"title_en": "c"}, []))
        self.assertEqual((bo.replica.outbox(), bo.replica.links()), ([], []))

    def test_a_viewers_edits_wait_until_she_may_edit(self) -> None:
        self.member("Anna", "owner")
        viewer = self.member("Vera", "viewer")
        record = viewer.add("project", title_en="a")
        self.assertEqual([code for _, code, _ in viewer.sync().rejected], ["role_too_low"])
        self.assertEqual(viewer.replica.role, "viewer")
        self.tingd("members", "--workspace", self.workspace, "--role", "vera@example.org=editor")
        [(own_id, *_)] = viewer.replica.quarantine()
        viewer.replica.retry(own_id)
        self.assertEqual(len(viewer.sync().accepted), 1)
        self.assertEqual(viewer.values(record), {"title_en": "a"})

    def test_what_the_schema_lacks_is_asked_for_before_an_entry_is_kept(self) -> None:
        anna, bo = self.member("Anna", "owner"), self.member("Bo", "editor")
        record = anna.add("project", title_da="Fjernvarme")
        anna.sync()
        whole = bo.replica.schema
        bo.replica.schema = Schema(whole.version, whole.collections)
        bo.replica.schema.collections["project"] = {
            name: field for name, field in whole.collections["project"].items() if name != "title_da"
        }
        bo.sync()
        self.assertIn("title_da", bo.replica.schema.fields("project"))
        self.assertEqual(bo.values(record), {"title_da": "Fjernvarme"})

    def test_a_deferred_change_set_waits_with_what_builds_on_it(self) -> None:
        bo = self.member("Bo", "owner")
        schema = bo.replica.schema
        bo.replica.schema = _newer(schema)
        record = bo.add("project", title_en="newer", moon="full")
        known = bo.add("project", title_en="known")
        bo.replica.schema = schema
        bo.change(record, title_en="later")
        free = bo.add("project", title_en="free")
        report = bo.sync()
        self.assertEqual([code for _, code in report.deferred], ["schema_newer", "depends_on_deferred"])
        self.assertEqual(len(bo.replica.outbox()), 2)
        self.assertEqual(bo.values(record), {"title_en": "later", "moon": "full"})
        self.assertEqual((bo.values(known), bo.values(free)), ({"title_en": "known"}, {"title_en": "free"}))
        self.assertEqual(len(bo.sync().deferred), 2)


class TroubleTest(ServerTest):
    def test_an_altered_answer_is_not_kept(self) -> None:
        anna, bo = self.member("Anna", "owner"), self.member("Bo")
        record = anna.add("project", title_en="a")
        anna.sync()

        def altered(answer: Json) -> Json:
            if calls.count(f"/v1/workspaces/{self.workspace}/sync") == 1:
                for entry in answer.get("entries", []):
                    entry["change_set"]["operations"][0]["fields"][0]["after"]["text"] = "forged"
            return answer

        calls: list[str] = []
        sync(_Watched(bo.server, calls, altered), bo.replica)  # type: ignore[arg-type]
        self.assertEqual(bo.values(record), {"title_en": "a"})
        self.assert_equal_digests(anna, bo)

    def test_two_syncs_of_one_replica_come_one_after_the_other(self) -> None:
        anna, bo = self.member("Anna", "owner"), self.member("Bo")
        for title in "abcde":
            anna.add("project", title_en=title)
            anna.sync()
        bo.add("project", title_en="bo")

        def sync_once() -> Report:
            with closing(Member(bo.home, self.workspace)) as member:
                return member.sync(page_bytes=1)

        with ThreadPoolExecutor() as pool:
            first, second = (one.result() for one in [pool.submit(sync_once) for _ in range(2)])
        self.assertEqual((first.received + second.received, first.kept_aside + second.kept_aside), (6, []))
        self.assert_equal_digests(anna, bo)

    def test_a_verdict_of_an_unknown_kind_is_none(self) -> None:
        bo = self.member("Bo", "owner")
        bo.add("project", title_en="a")

        def unknown(answer: Json) -> Json:
            first = len(calls) == 1
            verdicts = [{**one, "verdict": "pondered"} for one in answer.get("verdicts", [])]
            return answer | ({"verdicts": verdicts, "entries": []} if first else {})

        calls: list[str] = []
        report = sync(_Watched(bo.server, calls, unknown), bo.replica)  # type: ignore[arg-type]
        self.assertEqual((len(report.accepted), report.rejected, bo.replica.quarantine()), (1, [], []))

    def test_a_lost_answer_is_asked_for_again(self) -> None:
        bo = self.member("Bo", "owner")
        record = bo.add("project", title_en="a")

        def lost(answer: Json) -> Json:
            raise ConnectionResetError

        with self.assertRaises(ConnectionResetError):
            sync(_Watched(bo.server, [], lost), bo.replica)  # type: ignore[arg-type]
        self.assertEqual(len(bo.replica.outbox()), 1)
        self.assertEqual(len(bo.sync().accepted), 1)
        self.assertEqual((bo.replica.version, bo.values(record)), (1, {"title_en": "a"}))

    def test_damaged_records_are_mended(self) -> None:
        anna, bo = self.member("Anna", "owner"), self.member("Bo")
        rotten, lost, fine = (anna.add("project", title_en=title) for title in "abc")
        anna.sync()
        bo.sync()
        bo.change(fine, title_en="mine")
        anna.change(rotten, progress=5)
        anna.sync()
        bo.replica._db.execute('UPDATE record SET body = \'{"title_en":"rot"}\' WHERE id = ?', (rotten,))
        bo.replica._db.execute("DELETE FROM record WHERE id = ?", (lost,))
        report = bo.sync()
        self.assertEqual((report.mended, report.kept_aside), (2, []))
        self.assertEqual((bo.values(rotten), bo.values(fine)), ({"title_en": "a", "progress": 5}, {"title_en": "mine"}))
        self.assert_equal_digests(anna, bo)

    def test_a_digest_that_lies_is_noticed_at_the_next_sync(self) -> None:
        bo = self.member("Bo", "owner")
        bo.add("project", title_en="a")
        bo.sync()
        bo.replica._db.execute("UPDATE meta SET value = zeroblob(8192) WHERE key = 'buckets'")
        self.assertEqual(bo.sync().mended, 0)
        self.assert_equal_digests(bo, self.reference("Anna"))

    # --- Histories --------------------------------------------------------------------------------

    def ahead_of_the_snapshot(self) -> tuple[Member, str]:
        """A member whose own newest entries the server's snapshot has not yet."""
        bo = self.member("Bo", "owner")
        record = bo.add("project", title_en="a")
        bo.sync()
        for step in range(3):
            bo.change(record, progress=step)
            bo.sync()
        path = workspace_path(self.workspace, "/snapshot/manifest")
        manifest = bo.server.call("GET", path, answers.MANIFEST)
        self.assertLess(int(manifest.get("version", 0)), bo.replica.version)
        return bo, record

    def test_a_history_digest_that_rotted_heals(self) -> None:
        """The snapshot lacks what was brought, which the server had all along: every sync ended with this."""
        bo, record = self.ahead_of_the_snapshot()
        own = bo.replica.replica_id
        for damage in ("UPDATE entry SET history = :none", "DELETE FROM entry"):
            head = bo.replica.version
            bo.replica._db.execute(f"{damage} WHERE version = :head", {"none": "00" * 32, "head": head})
            bo.change(record, title_da=f"unsynced at {head}")
            report = bo.sync()
            self.assertEqual((len(report.kept_aside), report.given_back, report.version), (1, 0, head + 1))
            self.assertEqual((bo.replica.outbox(), bo.replica.broken_link()), ([], None))
        self.assertEqual(bo.replica.replica_id, own)
        self.assert_equal_digests(bo, self.member("Eva", from_entries=True))

    def test_who_starts_over_from_an_older_snapshot_is_no_copy(self) -> None:
        bo, record = self.ahead_of_the_snapshot()
        bo.replica._db.execute('UPDATE record SET body = \'{"title_en":"rot"}\' WHERE id = ?', (record,))
        bo.replica.keep_buckets(bo.replica.recomputed_buckets())

        def mends_nothing(answer: Json) -> Json:
            return answer | ({"buckets": []} if calls[-1].endswith("/mend") else {})

        calls: list[str] = []
        report = sync(_Watched(bo.server, calls, mends_nothing), bo.replica)  # type: ignore[arg-type]
        self.assertEqual((len(report.kept_aside), report.renamed, report.version), (1, False, 4))
        self.assert_equal_digests(bo, self.member("Eva", from_entries=True))

    # --- Copies -----------------------------------------------------------------------------------

    def copy(self, member: Member) -> Member:
        """The same device's file, copied."""
        member.replica.close()
        path = self.tingd.folder / f"{self.workspace}-copy.sqlite"
        shutil.copy(member.replica.path, path)
        member.replica = member.home.replica(self.workspace)
        twin = Member(member.home, self.workspace, path)
        self.addCleanup(twin.close)
        return twin

    def test_a_copied_file_clashes_and_takes_a_new_id(self) -> None:
        bo = self.member("Bo", "owner")
        bo.add("project", title_en="before")
        bo.sync()
        twin = self.copy(bo)
        first, second = bo.add("project", title_en="first"), twin.add("project", title_en="second")
        twin.add("project", title_en="third")
        self.assertFalse(bo.sync().renamed)
        report = twin.sync()
        self.assertTrue(report.renamed)
        self.assertEqual(len(report.accepted), 2)
        self.assertNotEqual(bo.replica.replica_id, twin.replica.replica_id)
        self.assert_equal_digests(bo, twin, self.reference("Anna"))
        self.assertEqual((bo.values(second), twin.values(first)), ({"title_en": "second"}, {"title_en": "first"}))

    def test_a_copy_with_the_same_outbox(self) -> None:
        bo = self.member("Bo", "owner")
        record = bo.add("project", title_en="a")
        twin = self.copy(bo)
        twin.change(record, title_en="b")
        self.assertEqual(len(bo.sync().accepted), 1)
        self.assertEqual(len(twin.sync().accepted), 2)
        self.assertEqual(len(bo.replica.records("project")), 1)
        self.assertTrue(bo.sync().renamed)
        self.assert_equal_digests(bo, twin)
        self.assertEqual((bo.values(record), bo.open_conflicts()), ({"title_en": "b"}, []))


class RestoredServerTest(ServerTest):
    """A server of its own for each test: it comes back from a backup, or as an older copy of its files."""

    def setUp(self) -> None:
        super().setUp()
        self.anna, self.bo = self.member("Anna", "owner"), self.member("Bo")
        self.record = self.anna.add("project", title_en="a")
        self.anna.sync()
        self.bo.sync()
        self.backup = self.tingd.folder / f"backup-{self.workspace}"
        self.tingd("backup", "--to", str(self.backup))
        self.anna.change(self.record, title_en="lost", summary="x" * 100_000)
        self.anna.sync()
        self.bo.sync()
        self.bo.change(self.record, progress=5)

    def come_back(self, put_back: Callable[[], object]) -> None:
        self.tingd.stop()
        put_back()
        self.tingd.serve()
        for member in (self.anna, self.bo):
            member.server.close()
            member.server.port = self.tingd.port

    def assert_whole(self) -> None:
        """Whoever comes first gives back; both go on in the new epoch, each with what the other wrote."""
        before = self.bo.replica.epoch
        report = self.bo.sync()
        self.assertEqual((report.given_back, len(report.kept_aside)), (1, 1))
        self.assertTrue(report.kept_aside[0].exists())
        self.assertEqual(len(self.anna.sync().kept_aside), 1)
        self.assertNotEqual(self.bo.replica.epoch, before)
        self.assertEqual(self.bo.values(self.record)["title_en"], "lost")
        self.assertEqual((self.anna.values(self.record)["progress"], self.anna.open_conflicts()), (5, []))
        self.assert_equal_digests(self.anna, self.bo, self.member("Li", from_entries=True))

    def test_a_restored_server_gets_back_what_it_lost(self) -> None:
        self.come_back(lambda: self.tingd("restore", "--from", str(self.backup)))
        self.assert_whole()

    def test_so_does_one_whose_files_were_copied_back(self) -> None:
        self.come_back(self.copy_back)
        self.assert_whole()

    def copy_back(self) -> None:
        [file] = [one for one in self.backup.glob("**/*.sqlite") if self._holds_workspace(one)]
        target = self.tingd.folder / "data" / file.relative_to(self.backup)
        for suffix in ("-wal", "-shm"):
            Path(f"{target}{suffix}").unlink(missing_ok=True)
        shutil.copy(file, target)

    def test_an_accepted_one_whose_entry_never_came_is_sent_again(self) -> None:
        """The server's files were copied back: it stayed in the outbox for ever, and nobody saw it."""
        for step in range(3):
            self.anna.change(self.record, progress=50 + step)
            self.anna.sync()
        self.backup = self.tingd.folder / f"later-{self.workspace}"
        self.tingd("backup", "--to", str(self.backup))
        own = self.bo.change(self.record, summary="Bo's words")
        assert own

        def cut(answer: Json) -> Json:
            if len(calls) == 2:
                raise ConnectionResetError
            return answer

        calls: list[str] = []
        with self.assertRaises(ConnectionResetError):
            sync(_Watched(self.bo.server, calls, cut), self.bo.replica, 1)  # type: ignore[arg-type]
        self.assertEqual([one.accepted is None for one in self.bo.replica.outbox()], [False, False])
        self.come_back(self.copy_back)
        for member in (self.bo, self.anna, self.bo):
            member.sync()
        self.assertEqual(self.bo.replica.outbox(), [])
        self.assertEqual(self.anna.values(self.record)["summary"], "Bo's words")
        self.assert_equal_digests(self.anna, self.bo)

    def test_what_the_server_does_not_say_it_took_is_sent_again(self) -> None:
        """What an answer named neither way vanished."""
        self.come_back(lambda: self.tingd("restore", "--from", str(self.backup)))
        server = _Swallowing(self.anna.server, [], lambda answer: answer)
        report = sync(server, self.anna.replica)  # type: ignore[arg-type]
        self.assertEqual((report.given_back, len(report.accepted), self.anna.replica.outbox()), (0, 1, []))
        self.assertEqual(self.anna.values(self.record)["title_en"], "lost")

    def test_a_bad_line_ends_downloads_and_the_next_sync_goes_on_with_them(self) -> None:
        """More often than a replica may start over within an hour; no block comes twice."""
        for _ in range(6):
            self.anna.add("project", summary=random.Random(5).randbytes(150_000).hex())
        self.anna.sync()
        self.come_back(lambda: self.tingd("restore", "--from", str(self.backup)))
        parts: list[str] = []
        for _ in range(limits.START_OVERS_PER_HOUR + 1):
            with self.assertRaises(ConnectionResetError):
                sync(_Breaking(self.anna.server, parts), self.anna.replica)  # type: ignore[arg-type]
        self.assertEqual(self.anna.replica.restarts_of_the_hour(), 0)
        calls: list[str] = []
        sync(_Watched(self.anna.server, calls, lambda answer: answer), self.anna.replica)  # type: ignore[arg-type]
        manifest = self.anna.server.call("GET", workspace_path(self.workspace, "/snapshot/manifest"), answers.MANIFEST)
        fetched = len(parts) + sum(call.endswith("/snapshot") for call in calls)
        self.assertEqual(fetched, len(manifest["block_hashes"]))
        self.assertEqual(self.anna.replica.restarts_of_the_hour(), 1)
        self.assertEqual(list(self.anna.replica.path.parent.glob("*.snapshot")), [])
        self.bo.sync()
        self.assert_equal_digests(self.anna, self.bo)

    def _holds_workspace(self, file: Path) -> bool:
        database = sqlite3.connect(f"{file.resolve().as_uri()}?mode=ro", uri=True)
        try:
            return bool(database.execute("SELECT slug FROM ting_workspace").fetchone() == (self.workspace,))
        except sqlite3.OperationalError:
            return False
        finally:
            database.close()


class BelowFloorTest(ServerTest):
    """The server moves history to its archive, serving, while members are away with edits."""

    def setUp(self) -> None:
        super().setUp()
        self.anna, self.bo, self.li = self.member("Anna", "owner"), self.member("Bo"), self.reference("Li")
        self.kept, self.gone = (self.anna.add("project", title_en=title) for title in "ab")
        self.assert_equal_digests(self.anna, self.bo, self.li)

    def go_on_and_compact(self) -> None:
        for step in range(5):
            self.anna.change(self.kept, title_en=f"a{step}")
            self.anna.sync()
        self.anna.delete(self.gone)
        self.anna.sync()
        self.tingd("compact", "--workspace", self.workspace, "--keep", "1")

    def test_who_was_away_goes_on_from_a_snapshot_with_the_outbox(self) -> None:
        self.bo.change(self.kept, progress=5)
        self.li("set", self.kept, "summary=Li")
        self.go_on_and_compact()
        self.assertEqual(len(self.bo.sync().kept_aside), 1)
        self.assertEqual(self.bo.replica.restarts_of_the_hour(), 0)
        self.li.sync()
        self.assert_equal_digests(self.anna, self.bo, self.li, self.member("Mo", from_entries=True))
        self.assertEqual(self.bo.values(self.kept), {"title_en": "a4", "progress": 5, "summary": "Li"})
        self.assertIsNone(self.bo.replica.record(self.gone))
        self.assertEqual([one["id"] for one in json.loads(self.li("list", "project", "--json"))], [self.kept])
        self.assertEqual(self.bo.open_conflicts(), [])

    def test_archive_and_workspace_are_one_history(self) -> None:
        self.go_on_and_compact()
        log = self.tingd("log", "--workspace", self.workspace, "--json").splitlines()
        self.assertEqual([json.loads(line)["version"] for line in log], list(range(1, 9)))
        of_one = self.tingd("log", "--workspace", self.workspace, "--json", self.gone).splitlines()
        self.assertEqual([json.loads(line)["version"] for line in of_one], [2, 8])
        self.tingd("verify")
        backup = self.tingd.folder / f"backup-{self.workspace}"
        self.tingd("backup", "--to", str(backup))
        self.assertEqual(run("tingd", "log", "--data", str(backup), "--workspace", self.workspace, "--json"), "\n".join(log))
        [archive] = [one for one in backup.glob("workspaces/*.archive.sqlite") if self._has_entries(one, 7)]
        archive.unlink()
        with self.assertRaisesRegex(AssertionError, "archive of versions 1 to 7 is missing"):
            run("tingd", "verify", "--data", str(backup))

    def _has_entries(self, file: Path, count: int) -> bool:
        database = sqlite3.connect(f"{file.resolve().as_uri()}?mode=ro", uri=True)
        try:
            return bool(database.execute("SELECT count(*) FROM entry").fetchone() == (count,))
        finally:
            database.close()

    def test_an_accepted_one_whose_answer_was_lost_leaves_the_outbox(self) -> None:
        self.bo.change(self.kept, progress=5)

        def lost(answer: Json) -> Json:
            raise ConnectionResetError

        with self.assertRaises(ConnectionResetError):
            sync(_Watched(self.bo.server, [], lost), self.bo.replica)  # type: ignore[arg-type]
        self.go_on_and_compact()
        self.bo.sync()
        self.assertEqual((self.bo.replica.outbox(), self.bo.replica.version), ([], 9))
        self.assert_equal_digests(self.anna, self.bo, self.li)


class RefusalTest(ServerTest):
    """The requests of Protocol/vectors/error-*."""

    def test_each_is_refused_as_the_vector_says(self) -> None:
        members = {}
        for self.workspace, name, role in (("demo", "Owen", "owner"), ("demo", "Edna", "editor")):
            members[role] = self.member(name, role)
        self.tingd.invite("others", "Zoe", "owner")
        files = sorted((schema_path().parent.parent / "vectors").glob("error-*.json"))
        self.assertGreater(len(files), 10)
        bodies = {}
        for file in files:
            scenario = json.loads(file.read_text(encoding="utf-8"))
            with self.subTest(file.name):
                bodies[scenario["name"]] = self._refused(members, scenario["input"], scenario["expect"])
        self.assertEqual(bodies["error-unknown-workspace"], bodies["error-workspace-of-others"])

    def _refused(self, members: dict[str, Member], given: Json, expect: Json) -> bytes:
        who = given.get("as", "editor")
        with members["editor"].home.server() as server:
            server.token = "" if who == "nobody" else members[who].server.token
            path = given["path"].replace("{owner}", quote(members["owner"].server.member))
            body = given.get("body")
            status, headers, data = server.raw(
                given["method"], path, body.encode("utf-8") if body else None, given.get("headers", {})
            )
        problem = json.loads(data)
        self.assertEqual((status, headers["Content-Type"]), (expect["status"], "application/problem+json"))
        self.assertGreater(len(problem.pop("detail")), 10)
        self.assertEqual(problem, expect["problem"])
        for name, value in expect.get("headers", {}).items():
            self.assertIn(value, headers[name])
        return data


class _Watched:
    """A server whose calls are listed, and whose answers are changed on the way."""

    def __init__(self, server: Server, calls: list[str], change: Callable[[Json], Json]) -> None:
        self._server, self._calls, self._change, self.member = server, calls, change, server.member

    def call(
        self, method: str, path: str, form: Form, message: Json | None = None, query: dict[str, int] | None = None
    ) -> Json:
        self._calls.append(path)
        return self._change(self._server.call(method, path, form, message, query))

    def part(self, path: str, start: int, end: int, tag: str) -> bytes:
        self._calls.append(path)
        return self._server.part(path, start, end, tag)


class _Swallowing(_Watched):
    """A server to which nothing is given back, and which says nothing of that."""

    _epoch = ""

    def call(
        self, method: str, path: str, form: Form, message: Json | None = None, query: dict[str, int] | None = None
    ) -> Json:
        if path.endswith("/give-back"):
            return {"epoch": self._epoch}
        answer = super().call(method, path, form, message, query)
        self._epoch = answer.get("epoch", "")
        return answer


class _Breaking(_Watched):
    """A server from which one part of a file comes; then the line breaks."""

    def __init__(self, server: Server, parts: list[str]) -> None:
        super().__init__(server, [], lambda answer: answer)
        self._parts, self._left = parts, 1

    def part(self, path: str, start: int, end: int, tag: str) -> bytes:
        if not self._left:
            raise ConnectionResetError
        self._left -= 1
        self._parts.append(path)
        return super().part(path, start, end, tag)


def _newer(schema: Schema) -> Schema:
    """A version that the server doesn't know, with one field more."""
    newer = Schema(schema.version + 1, schema.collections)
    newer.collections["project"] = dict(schema.collections["project"]) | {"moon": Field("moon", "text", "latest")}
    return newer


def _random_step(chance: random.Random, member: Member) -> None:
    """One edit or one sync."""
    records = [one.id for name in ("project", "task") for one in member.replica.records(name)]
    choice = chance.random()
    if choice < 0.25:
        member.sync(chance.choice((0, 1, 5000)))
    elif choice < 0.45 or not records:
        parents = [one.id for one in member.replica.records("project")]
        member.add("project", title_en=random_id()[:4], code=chance.choice("ABC"))
        if parents:
            member.add("task", project=chance.choice(parents), body="one\ntwo\n", spent_h=chance.randint(-3, 3))
    elif choice < 0.55:
        member.delete(chance.choice(records))
    elif choice < 0.65 and member.open_conflicts():
        settle(member.replica, chance.choice(member.open_conflicts()).id, chance.choice(("keep", "take")))
    else:
        _random_change(chance, member, chance.choice(records))


def _random_change(chance: random.Random, member: Member, record: str) -> None:
    present = member.replica.record(record)
    assert present
    values: dict[str, Value] = {"tags": chance.choice(([], ["a"], ["b"], ["a", "b"]))}
    if present.collection == "project":
        values |= {"title_en": chance.choice("xyz"), "sensitivity": chance.choice(("open", "internal", "restricted"))}
    else:
        hours = present.values.get("spent_h", 0)
        assert isinstance(hours, int)
        values = {"body": chance.choice(("one\ntwo\n", "1\ntwo\n", "one\n2\n", "one\nand\ntwo\n", ""))}
        values |= {"spent_h": hours + 1, "due": chance.choice(("2026", "2027-01", None))}
    member.change(record, **values)


if __name__ == "__main__":
    unittest.main()

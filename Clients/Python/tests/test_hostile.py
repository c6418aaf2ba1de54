# SPDX-License-Identifier: Apache-2.0
"""Against servers that break off, say too much or nothing, or lead nowhere: every end is a sentence, and in time."""

from __future__ import annotations

import gzip
import re
import socket
import sqlite3
import tempfile
import threading
import time
import unittest
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from unittest.mock import patch

from ting_client import limits, wire
from ting_client.answers import WORKSPACE, MalformedAnswer
from ting_client.canonical import Json, Value, random_id
from ting_client.edits import Draft
from ting_client.replica import Replica, State
from ting_client.schema import read_schema
from ting_client.snapshot import SnapshotDamaged, download, opened
from ting_client.sync import NoProgress, Report, StartsOverAgain, replay, sync
from ting_client.tls import NotSecure, NotTrusted, WrongDate, pinned_ca
from ting_client.wire import AnswerTooLarge, FileReplaced, Problem

from .hostile import Answer, HostileServer, Request, new_certificate

INFO = {"epoch": random_id()}
EMPTY_STATE = "9f1dcbc35c350d6027f98be0f5c8b43b42ca52b7604459c0c42be3aa88913d47"


class ConnectionTest(unittest.TestCase):
    def test_a_connection_that_the_server_closed_while_idle_is_opened_again(self) -> None:
        for say_goodbye in (True, False):
            ended = threading.Event()

            def answer(request: Request) -> None:
                request.give(INFO)
                if say_goodbye:
                    request.connection.settimeout(0.1)
                    try:
                        request.connection.unwrap()
                    except OSError:
                        pass
                request.connection.shutdown(socket.SHUT_RDWR)
                ended.set()

            with self.subTest(say_goodbye), HostileServer(answer) as server:
                for _ in range(3):
                    self.assertEqual(server.call("POST", "/", WORKSPACE, {}), INFO)
                    ended.wait()
                    ended.clear()

    def test_after_a_failure_the_next_request_has_a_connection_of_its_own(self) -> None:
        requests: list[Request] = []

        def answer(request: Request) -> None:
            requests.append(request)
            if len(requests) % 2:
                request.begin(Content_Length="100")
                request.wfile.write(b"{")
                request.connection.shutdown(socket.SHUT_RDWR)
            else:
                request.give(INFO)

        with HostileServer(answer) as server:
            for _ in range(2):
                with self.assertRaises((OSError, MalformedAnswer)):
                    server.call("GET", "/", WORKSPACE)
                self.assertEqual(server.call("GET", "/", WORKSPACE), INFO)
        self.assertEqual(len(requests), 4)

    def test_a_certificate_whose_dates_fail_is_told_with_the_servers_clock(self) -> None:
        tokens: list[str | None] = []

        def answer(request: Request) -> None:
            tokens.append(request.headers["Authorization"])
            request.give(INFO)

        with HostileServer(answer, is_expired=True) as server, self.assertRaises(WrongDate) as caught:
            server.call("GET", "/", WORKSPACE)
        self.assertTrue(re.search(r"server's clock says \d{4}-\d\d-\d\d \d\d:\d\d UTC$", str(caught.exception)))
        self.assertIn("clock", caught.exception.remedy)
        self.assertEqual(tokens, [None])

    def test_who_is_not_the_server_is_told_in_a_sentence_with_a_remedy(self) -> None:
        with HostileServer(lambda request: request.give_bytes(b"", 302, Location="https://portal/")) as server:
            with self.assertRaises(Problem) as problem:
                server.call("GET", "/", WORKSPACE)
        self.assertEqual(problem.exception.code, "foreign_answer")
        self.assertIn("HTTP 302; it leads to another address", str(problem.exception))
        self.assertIn("sign-in page", problem.exception.remedy)
        with HostileServer(lambda request: request.give(INFO)) as server:
            with closing(wire.Server(server.host, server.port, new_certificate(), "token")) as other:
                with self.assertRaisesRegex(NotTrusted, "is not one that is trusted for it"):
                    other.call("GET", "/", WORKSPACE)
        with self.portal() as port, closing(wire.Server("127.0.0.1", port, new_certificate())) as plain:
            with self.assertRaisesRegex(NotSecure, "no TLS connection to 127.0.0.1"):
                plain.call("GET", "/", WORKSPACE)
            with self.assertRaises(NotSecure):
                pinned_ca("127.0.0.1", port, "00" * 32)

    @contextmanager
    def portal(self) -> Iterator[int]:
        """The port of who answers HTTP without TLS."""

        def answer() -> None:
            for _ in range(2):
                connection, _ = listener.accept()
                with connection:
                    connection.recv(100)
                    connection.sendall(b"HTTP/1.1 302 Found\r\nLocation: http://portal/\r\n\r\n")

        with socket.create_server(("127.0.0.1", 0)) as listener:
            threading.Thread(target=answer, daemon=True).start()
            yield listener.getsockname()[1]

    def test_a_problem_whose_members_are_no_texts(self) -> None:
        odd = b'{"title": ["x"], "detail": {}, "code": 7, "remedy": null}'
        with HostileServer(lambda request: request.give_bytes(odd, 400)) as server:
            with self.assertRaises(Problem) as caught:
                server.call("GET", "/", WORKSPACE)
        self.assertEqual((caught.exception.code, caught.exception.remedy), ("internal", ""))


class BoundTest(unittest.TestCase):
    def refuse(self, expected: type[Exception], answer: Answer) -> None:
        """The exchange ends so, and soon."""
        began = time.monotonic()
        with HostileServer(answer) as server, self.assertRaises(expected):
            server.call("GET", "/", WORKSPACE)
        self.assertLess(time.monotonic() - began, 5)

    def test_a_body_in_gzip_is_inflated_to_the_bound_alone(self) -> None:
        bomb = gzip.compress(bytes(wire.ANSWER_BYTES + 1))
        self.refuse(AnswerTooLarge, lambda request: request.give_bytes(bomb, Content_Encoding="gzip"))

    def test_a_body_without_end_is_left(self) -> None:
        def answer(request: Request) -> None:
            request.begin(Transfer_Encoding="chunked")
            while True:
                request.wfile.write(b"10000\r\n" + b" " * 0x10000 + b"\r\n")

        self.refuse(AnswerTooLarge, answer)

    def test_slow_drops_do_not_make_a_request_longer(self) -> None:
        def drip(request: Request) -> None:
            request.begin(Content_Length="1000")
            while True:
                request.wfile.write(b" ")
                time.sleep(0.05)

        def drip_a_head(request: Request) -> None:
            request.wfile.write(b"HTTP/1.1 200 OK\r\n")
            while True:
                request.wfile.write(b"X")
                time.sleep(0.05)

        with patch.object(limits, "REQUEST_SECONDS", 0.5):
            self.refuse(TimeoutError, drip)
            self.refuse(TimeoutError, drip_a_head)

    def test_what_is_no_answer_of_the_protocol_is_one_kind_of_failure(self) -> None:
        for body in (b"<html>", b"[" * 100_000, b"[]", b"{}", b'{"epoch": 5}', b'{"epoch": "x"}', b"1" * 5000, b"\xff"):
            with self.subTest(body[:20]):
                self.refuse(MalformedAnswer, lambda request: request.give(body))
        cut = gzip.compress(b'{"epoch": "x"}')[:-4]
        for packed in (b"no gzip", cut):
            self.refuse(MalformedAnswer, lambda request: request.give_bytes(packed, Content_Encoding="gzip"))
        self.refuse(MalformedAnswer, lambda request: request.give_raw(b"SSH-2.0-OpenSSH\r\n"))
        self.refuse(Problem, lambda request: request.give_bytes(b"[" * 100_000, 500))


class SnapshotTest(unittest.TestCase):
    HASH, BLOCK = "ab" * 32, 1000

    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.file = Path(folder.name) / "snapshot"

    def manifest(self, **more: object) -> Json:
        return {"hash": self.HASH, "bytes": "1000", "block_bytes": str(self.BLOCK), "block_hashes": ["00" * 32]} | more

    def test_a_whole_file_for_a_range_is_not_read(self) -> None:
        sent: list[int] = []

        def answer(request: Request) -> None:
            request.begin(Transfer_Encoding="chunked", Ting_Hash=self.HASH)
            while True:
                request.wfile.write(b"10000\r\n" + b" " * 0x10000 + b"\r\n")
                sent.append(0x10000)

        with HostileServer(answer) as server, self.assertRaises(FileReplaced):
            server.part("/", 0, self.BLOCK, self.HASH)
        self.assertLess(sum(sent), 16 << 20)

    def test_a_block_that_differs_is_asked_for_anew_a_few_times(self) -> None:
        asked: list[str] = []

        def answer(request: Request) -> None:
            asked.append(request.path)
            if request.path.endswith("manifest"):
                request.give(self.manifest())
            else:
                request.give_bytes(b"x" * self.BLOCK, 206, Ting_Hash=self.HASH)

        with HostileServer(answer) as server, self.assertRaises(SnapshotDamaged):
            download(server, "demo", self.file)
        self.assertEqual(len(asked), 6)

    def test_the_numbers_of_a_manifest_fit_together(self) -> None:
        wrong: Json
        endless = {"bytes": str(1 << 35), "block_bytes": str(1 << 25), "block_hashes": ["00" * 32] * (1 << 10)}
        blocks = ({"block_bytes": "0"}, {"block_bytes": str(1 << 40)})
        for wrong in (endless, {"bytes": "1001"}, {"block_hashes": []}, *blocks):
            with (
                self.subTest(str(wrong)[:40]),
                HostileServer(lambda request: request.give(self.manifest(**wrong))) as server,
                self.assertRaisesRegex(SnapshotDamaged, "don't fit together"),
            ):
                download(server, "demo", self.file)

    def test_rows_come_of_tables_alone_and_no_more_than_the_bytes_hold(self) -> None:
        """A view in a file of a few pages gave rows without end."""
        with closing(sqlite3.connect(self.file)) as database:
            database.executescript(
                """CREATE TABLE ting_replica (format, epoch, version);
                INSERT INTO ting_replica VALUES (1, '5b0c0c1e-8f0a-4c56-9d3a-3f1f5a0e7c11', 0);
                CREATE TABLE ting_shared (record, collection, state, body, deleted);
                CREATE TABLE history (version, author, accepted, change_set, replica, number);
                CREATE TABLE ting_entry (version, history_digest, shift, receipt, change_set, effects);
                CREATE TABLE project (id TEXT, title_en TEXT);
                INSERT INTO project VALUES ('0197a1b2-c3d4-7000-8000-0000000000aa', 'a');
                CREATE VIEW task AS WITH RECURSIVE count (one) AS (SELECT 1 UNION ALL SELECT one + 1 FROM count)
                  SELECT '0197a1b2-c3d4-7000-8000-0000000000aa' AS id, one AS spent_h FROM count;"""
            )
        with opened(self.file, read_schema()) as state:
            self.assertEqual([record.values for record, _ in state.records], [{"title_en": "a"}])
        with patch("ting_client.snapshot._LEAST_ROW_BYTES", 1 << 20), opened(self.file, read_schema()) as state:
            with self.assertRaisesRegex(SnapshotDamaged, "more rows"):
                list(state.records)
        with closing(sqlite3.connect(self.file)) as database:
            database.executescript(
                "DROP TABLE ting_shared; CREATE VIEW ting_shared AS SELECT 1 AS record, 1 AS collection"
            )
        with self.assertRaisesRegex(SnapshotDamaged, "lacks a table"), opened(self.file, read_schema()):
            self.fail("it was read")


class NowhereTest(unittest.TestCase):
    """A replica of one change set, and a server that agrees with whatever it is sent, but for what a test changes."""

    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.replica = Replica.create(Path(folder.name) / "demo.sqlite", read_schema(), "demo", random_id())
        self.addCleanup(self.replica.close)
        self.project = self.add(title_en="a")
        self.accepts = False
        """Whether the server accepts what it is sent, without an entry to come of it."""

    def add(self, **values: Value) -> str:
        draft = Draft(self.replica)
        record = draft.insert("project", values)
        draft.seal()
        return record

    def ids(self) -> list[str]:
        return [pending.change_set["id"] for pending in self.replica.outbox()]

    def answering(self, change: Callable[[Request, Json], Json], asked: list[Json]) -> Answer:
        """Agrees, and notes what it was asked."""

        def answer(request: Request) -> None:
            asked.append(request.message)
            same = ("history_digest", "state_digest", "epoch", "version")
            agreeing = {name: request.message[name] for name in same if name in request.message}
            agreeing |= {"epoch": self.replica_epoch, "history_agrees": True, "digests_agree": True}
            if self.accepts:
                agreeing["verdicts"] = [verdict(one) for one in _delivered(request.message)]
            request.give(agreeing | change(request, agreeing))

        self.replica_epoch = self.replica.epoch
        return answer

    def synced(self, change: Callable[[Request, Json], Json]) -> tuple[Report, list[Json]]:
        """What the sync did, and what it asked."""
        asked: list[Json] = []
        with HostileServer(self.answering(change, asked)) as server:
            return sync(server, self.replica), asked

    def ends(self, expected: type[Exception], change: Callable[[Request, Json], Json]) -> int:
        """The sync ends so, and the outbox stays; gives the number of requests."""
        asked: list[Json] = []
        with HostileServer(self.answering(change, asked)) as server, self.assertRaises(expected):
            sync(server, self.replica)
        self.assertEqual(len(self.replica.outbox()), 1)
        return len(asked)

    def test_a_server_that_judges_nothing(self) -> None:
        self.assertEqual(self.ends(NoProgress, lambda *_: {}), 1)

    def test_a_server_that_accepts_what_it_was_not_sent(self) -> None:
        verdict = {"change_set": random_id(), "verdict": "rejected"}
        self.assertEqual(self.ends(NoProgress, lambda *_: {"verdicts": [verdict]}), 1)

    def test_a_head_that_never_comes(self) -> None:
        self.accepts = True
        self.assertLess(self.ends(NoProgress, lambda *_: {"head": "5"}), 4)

    def test_a_server_that_never_agrees(self) -> None:
        self.accepts = True

        def mends(request: Request, agreeing: Json) -> Json:
            if request.path.endswith("/mend"):
                return {"state_digest": EMPTY_STATE}
            return {"digests_agree": False}

        self.assertLess(self.ends(NoProgress, mends), 6)

    def test_a_server_that_mends_without_end(self) -> None:
        self.accepts = True

        def mends(request: Request, agreeing: Json) -> Json:
            if not request.path.endswith("/mend"):
                return {"digests_agree": False}
            record = {"collection": "project", "record": random_id()[:-2] + "00", "values": []}
            return {"state_digest": "00" * 32, "buckets": [{"bucket": "0", "records": [record]}]}

        with patch.object(limits, "MENDINGS", 9):
            self.assertEqual(self.ends(NoProgress, mends), 1 + 9)

    def test_a_server_of_other_histories(self) -> None:
        self.accepts = True

        def other(request: Request, agreeing: Json) -> Json:
            if request.path.endswith("/sync"):
                return {"history_agrees": False}
            if request.path.endswith("manifest"):
                return {"hash": "00" * 32, "bytes": "0", "block_bytes": "1"}
            return {}

        self.assertLess(self.ends(SnapshotDamaged, other), 6)
        with patch.object(limits, "START_OVER_LIMIT", 0):
            self.assertEqual(self.ends(StartsOverAgain, other), 1)

    def test_entries_that_never_come(self) -> None:
        with HostileServer(lambda request: request.give(INFO | {"head": "9"})) as server:
            replay(server, self.replica)
        self.assertEqual(self.replica.version, 0)

    def test_an_answer_of_another_form_is_not_taken(self) -> None:
        wrong: Json
        for wrong in (
            {"verdicts": [{}]},
            {"verdicts": None},
            {"entries": [{"version": "1"}]},
            {"head": -1},
            {"head": "9" * 30},
            {"role": "\ud800"},
            {"members": "x", "has_members": True},
            {"state_digest": "0"},
        ):
            with self.subTest(wrong):
                self.assertEqual(self.ends(MalformedAnswer, lambda *_: wrong), 1)

    # --- What waits -------------------------------------------------------------------------------

    def test_what_was_accepted_is_sent_again_by_the_next_sync(self) -> None:
        """The server's files may have been copied back since: it stayed unsent for ever."""
        self.accepts = True
        for _ in range(2):
            report, asked = self.synced(lambda *_: {})
            self.assertEqual([_delivered(one) for one in asked], [self.ids()])
            self.assertEqual(report.accepted, self.ids())
        self.assertEqual(len(self.replica.outbox()), 1)

    def test_verdicts_of_an_unknown_kind_hold_up_nothing_else(self) -> None:
        self.change_project()
        free = self.add(title_en="free")
        first, building, other = self.ids()
        self.accepts = True

        def ponders(request: Request, agreeing: Json) -> Json:
            kinds = {one: "pondered" if one == first else "applied" for one in _delivered(request.message)}
            return {"verdicts": [verdict(one, kind) for one, kind in kinds.items()]}

        with patch.object(limits, "DELIVERY_LIMIT", 1):
            report, asked = self.synced(ponders)
        self.assertEqual((report.deferred, report.accepted), ([(first, "pondered")], [other]))
        self.assertEqual([_delivered(one) for one in asked], [[first], [other]])
        self.assertEqual(self.ids(), [first, building, other])
        self.assertIsNotNone(self.replica.record(free))

    def change_project(self) -> None:
        draft = Draft(self.replica)
        draft.update(self.project, {"progress": 5})
        draft.seal()

    def test_the_verdicts_of_an_answer_are_taken_together_or_not_at_all(self) -> None:
        """Killed in between, what builds on the rejected one was sent."""
        self.change_project()
        before = self.ids()

        def rejects(request: Request, agreeing: Json) -> Json:
            return {"verdicts": [verdict(one, "rejected") for one in _delivered(request.message)]}

        real = Replica.reject

        def killed(replica: Replica, change_set: str, code: str, detail: str) -> None:
            if code == "depends_on_rejected":
                raise KeyboardInterrupt
            real(replica, change_set, code, detail)

        with patch.object(limits, "DELIVERY_LIMIT", 1):
            with patch.object(Replica, "reject", killed), self.assertRaises(KeyboardInterrupt):
                self.synced(rejects)
            self.assertEqual((self.ids(), self.replica.quarantine()), (before, []))
            report, asked = self.synced(rejects)
        self.assertEqual((len(asked), [own_id for own_id, *_ in report.rejected]), (1, before))
        self.assertEqual([own_id for own_id, *_ in self.replica.quarantine()], before)

    def test_what_is_too_large_for_a_request_waits_and_the_rest_goes(self) -> None:
        """A program of before sealed it: every sync ended with `request_too_large`."""
        with patch("ting_client.edits.SENT_BYTES", 1 << 30):
            large = self.add(summary="\1" * 1_000_000, title_en="\1" * 1_000_000)
        self.add(title_en="b")
        one, two, three = self.replica.outbox()
        self.accepts = True
        report, asked = self.synced(lambda *_: {})
        self.assertEqual(report.deferred, [(two.change_set["id"], "request_too_large")])
        self.assertEqual(report.accepted, [one.change_set["id"], three.change_set["id"]])
        self.assertIn({"hash": two.hash, "seen": [one.hash]}, asked[0]["links"])
        self.assertIsNotNone(self.replica.record(large))

    def test_a_snapshot_of_another_history_is_not_taken_unasked(self) -> None:
        """It may lack what this replica holds, which was not given back."""
        other = State(random_id(), 0, [], [])

        @contextmanager
        def opens(*_: object) -> Iterator[State]:
            yield other

        self.accepts = True
        file = self.replica.path.with_name(f"{self.replica.path.name}.snapshot")
        with (
            patch("ting_client.snapshot.download", lambda *_: file.touch()),
            patch("ting_client.snapshot.opened", opens),
        ):
            self.ends(StartsOverAgain, lambda *_: {"history_digest": "11" * 32})
        self.assertEqual((self.replica.epoch, self.replica.restarts_of_the_hour()), (self.replica_epoch, 0))


def verdict(change_set: str, kind: str = "applied") -> Json:
    return {"change_set": change_set, "verdict": kind} | ({"version": "1"} if kind == "applied" else {})


def _delivered(message: Json) -> list[str]:
    return [one["change_set"]["id"] for one in message.get("deliveries", [])]


if __name__ == "__main__":
    unittest.main()

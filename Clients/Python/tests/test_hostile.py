# SPDX-License-Identifier: Apache-2.0
"""Against servers that break off, say too much or nothing, or lead nowhere: every end is a sentence, and in time."""

from __future__ import annotations

import gzip
import re
import socket
import tempfile
import threading
import time
import unittest
from collections.abc import Callable
from pathlib import Path
from unittest.mock import patch

from ting_client import limits, wire
from ting_client.answers import WORKSPACE, MalformedAnswer
from ting_client.canonical import Json, random_id
from ting_client.edits import Draft
from ting_client.replica import Replica
from ting_client.schema import read_schema
from ting_client.snapshot import SnapshotDamaged, download
from ting_client.sync import NoProgress, StartsOverAgain, replay, sync
from ting_client.tls import WrongDate
from ting_client.wire import AnswerTooLarge, FileReplaced, Problem

from .hostile import Answer, HostileServer, Request

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
        for wrong in ({"bytes": "1001"}, {"block_bytes": "0"}, {"block_bytes": str(1 << 40)}, {"block_hashes": []}):
            with (
                self.subTest(wrong),
                HostileServer(lambda request: request.give(self.manifest(**wrong))) as server,
                self.assertRaises(SnapshotDamaged),
            ):
                download(server, "demo", self.file)


class NowhereTest(unittest.TestCase):
    """A replica of one change set, and a server that agrees with whatever it is sent, but for what a test changes."""

    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.replica = Replica.create(Path(folder.name) / "demo.sqlite", read_schema(), "demo", random_id())
        self.addCleanup(self.replica.close)
        draft = Draft(self.replica)
        draft.insert("project", {"title_en": "a"})
        draft.seal()

    def ends(self, expected: type[Exception], change: Callable[[Request, Json], Json]) -> int:
        """The sync ends so, and the outbox stays; gives the number of requests."""
        asked: list[str] = []

        def answer(request: Request) -> None:
            asked.append(request.path)
            same = ("history_digest", "state_digest", "epoch", "version")
            agreeing = {name: request.message[name] for name in same if name in request.message}
            agreeing |= {"epoch": self.replica_epoch, "history_agrees": True, "digests_agree": True}
            request.give(agreeing | change(request, agreeing))

        self.replica_epoch = self.replica.epoch
        with HostileServer(answer) as server, self.assertRaises(expected):
            sync(server, self.replica)
        self.assertEqual(len(self.replica.outbox()), 1)
        return len(asked)

    def test_a_server_that_judges_nothing(self) -> None:
        self.assertEqual(self.ends(NoProgress, lambda *_: {}), 1)

    def test_a_server_that_accepts_what_it_was_not_sent(self) -> None:
        verdict = {"change_set": random_id(), "verdict": "rejected"}
        self.assertEqual(self.ends(NoProgress, lambda *_: {"verdicts": [verdict]}), 1)

    def test_a_head_that_never_comes(self) -> None:
        self.accept_all()
        self.assertLess(self.ends(NoProgress, lambda *_: {"head": "5"}), 4)

    def test_a_server_that_never_agrees(self) -> None:
        self.accept_all()

        def mends(request: Request, agreeing: Json) -> Json:
            if request.path.endswith("/mend"):
                return {"state_digest": EMPTY_STATE}
            return {"digests_agree": False}

        self.assertLess(self.ends(NoProgress, mends), 6)

    def test_a_server_that_mends_without_end(self) -> None:
        self.accept_all()

        def mends(request: Request, agreeing: Json) -> Json:
            if not request.path.endswith("/mend"):
                return {"digests_agree": False}
            record = {"collection": "project", "record": random_id()[:-2] + "00", "values": []}
            return {"state_digest": "00" * 32, "buckets": [{"bucket": "0", "records": [record]}]}

        with patch.object(limits, "MENDINGS", 9):
            self.assertEqual(self.ends(NoProgress, mends), 1 + 9)

    def test_a_server_of_other_histories(self) -> None:
        self.accept_all()

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

    def accept_all(self) -> None:
        """Nothing of the outbox is to be sent any more."""
        [pending] = self.replica.outbox()
        self.replica.mark_accepted(pending.change_set["id"], 1)


if __name__ == "__main__":
    unittest.main()

# SPDX-License-Identifier: Apache-2.0
"""A replica without a server: what is seen with an outbox on top, sealing, quarantine, mending. Entries are made here."""

from __future__ import annotations

import json
import sqlite3
import tempfile
import unittest
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from unittest.mock import patch

from ting_client import limits
from ting_client.canonical import Json, Value, change_set_hash, conflict_id, ordered_id, random_id, value_to_json
from ting_client.edits import AlreadySealed, AlreadySettled, Draft, NotHere, ReplicaMovedOn, settle
from ting_client.records import Record
from ting_client.replica import DigestMismatch, Pending, Replica, State, StateMismatch
from ting_client.schema import InvalidSchema, InvalidValue, read_schema, schema_path
from ting_client.sync import Brought

OTHER = {"author": "22222222-2222-4222-8222-222222222222", "replica": "33333333-3333-7333-8333-333333333333"}
EMPTY_STATE = "9f1dcbc35c350d6027f98be0f5c8b43b42ca52b7604459c0c42be3aa88913d47"


class ReplicaCase(unittest.TestCase):
    """A replica of its own for each test, and what happens to it."""

    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.replica = Replica.create(Path(folder.name) / "demo.sqlite", read_schema(), "demo", random_id())
        self.addCleanup(self.replica.close)

    def accept(self, change_set: Json, **more: object) -> None:
        """Integrates the change set as the next version, unless `effects` say otherwise as its author wrote it."""
        version = {"version": str(self.replica.version + 1), "accepted": "1750000000000", "number": "1"}
        self.replica.integrate([version | OTHER | {"change_set": change_set} | more], None, None)

    def foreign(self, *operations: Json) -> Json:
        """Another member's change set; without operations it inserts a record."""
        return {
            "id": random_id(),
            "seed": "AAAAAAAAAAAAAAAAAAAAAA==",
            "schema": "1",
            "base": self.replica.base,
            "time": "1",
            "operations": list(operations) or [{"kind": "insert", "collection": "project", "record": ordered_id()}],
        }

    def shared(self, collection: str, **values: Value) -> str:
        """A record that everyone has."""
        record = self.add(collection, **values)
        self.accept(self.outbox()[-1])
        return record

    def add(self, collection: str, **values: Value) -> str:
        draft = Draft(self.replica)
        record = draft.insert(collection, values)
        self.sealed(draft)
        return record

    def newer_schema(self) -> str:
        """The JSON of the next version: a field with a default, and a collection."""
        given = json.loads(schema_path().read_text(encoding="utf-8"))
        given["version"] += 1
        [project] = [one for one in given["collections"] if one["name"] == "project"]
        project["fields"].append({"name": "moon", "type": "text", "policy": "latest", "default": "new"})
        given["collections"].append({"name": "star", "fields": [{"name": "name", "type": "text", "policy": "latest"}]})
        return json.dumps(given)

    def change(self, record: str, **values: Value) -> Json:
        draft = Draft(self.replica)
        draft.update(record, values)
        return self.sealed(draft)

    def delete(self, record: str) -> Json:
        draft = Draft(self.replica)
        draft.delete_with_children(record)
        return self.sealed(draft)

    def sealed(self, draft: Draft) -> Json:
        change_set = draft.seal()
        assert change_set
        return change_set

    def outbox(self) -> list[Json]:
        return [pending.change_set for pending in self.replica.outbox()]

    def values(self, record: str) -> dict[str, Value]:
        shown = self.replica.record(record)
        assert shown
        return shown.values


class ReplicaTest(ReplicaCase):
    # --- The outbox on top ------------------------------------------------------------------------

    def test_pending_edits_lie_on_top(self) -> None:
        record = self.shared("project", title_en="a")
        self.change(record, title_en="mine")
        fields = [{"field": "progress", "after": {"integer": "5"}}, {"field": "title_en", "after": {"text": "theirs"}}]
        self.accept(self.foreign({"kind": "update", "collection": "project", "record": record, "fields": fields}))
        self.assertEqual(self.values(record), {"title_en": "mine", "progress": 5})
        beneath = self.replica.shared(record)
        assert beneath
        self.assertEqual(beneath.values, {"title_en": "theirs", "progress": 5})

    def test_a_cleared_field_takes_its_default(self) -> None:
        record = self.add("project", status="active", tags=["x"], progress=3)
        self.change(record, status="idea", tags=[], progress=None)
        self.assertEqual(self.values(record), {})

    def test_an_edit_that_changes_nothing_seals_nothing(self) -> None:
        record = self.shared("project", title_en="a")
        draft = Draft(self.replica)
        draft.update(record, {"title_en": "b"})
        draft.update(record, {"title_en": "a"})
        self.assertIsNone(draft.seal())

    def test_a_keep_is_sealed(self) -> None:
        record = self.shared("project", title_en="a")
        draft = Draft(self.replica)
        draft.keep(record, "title_en")
        [operation] = self.sealed(draft)["operations"]
        self.assertEqual(operation["fields"], [{"field": "title_en", "before": {"text": "a"}, "after": {"text": "a"}}])
        draft = Draft(self.replica)
        draft.keep(record)
        [operation] = self.sealed(draft)["operations"]
        self.assertNotIn("fields", operation)

    def test_what_is_inserted_and_changed_in_one_draft_is_one_operation(self) -> None:
        draft = Draft(self.replica)
        record = draft.insert("project", {"title_en": "a", "status": "active"})
        draft.update(record, {"title_en": "b", "status": "idea"})
        [operation] = self.sealed(draft)["operations"]
        self.assertEqual(operation["fields"], [{"field": "title_en", "after": {"text": "b"}}])

    def test_children_are_deleted_first_and_come_back_with_their_parent(self) -> None:
        project = self.shared("project", title_en="a")
        task = self.shared("task", project=project)
        change_set = self.delete(project)
        self.assertEqual([one["record"] for one in change_set["operations"]], [task, project])
        self.accept(change_set)
        draft = Draft(self.replica)
        draft.restore(project)
        restored = self.sealed(draft)
        self.assertEqual([one["record"] for one in restored["operations"]], [project, task])
        self.assertEqual(self.values(task), {"project": project})

    def test_what_waits_to_be_deleted_comes_back_with_its_children_too(self) -> None:
        project = self.shared("project", title_en="a")
        task = self.shared("task", project=project)
        other = self.shared("task", project=project)
        self.delete(other)
        self.delete(project)
        draft = Draft(self.replica)
        draft.restore(project)
        self.assertEqual([one["record"] for one in self.sealed(draft)["operations"]], [project, task])
        self.assertEqual((self.values(task), self.replica.record(other)), ({"project": project}, None))

    def test_no_deletion_comes_after_another_operation_on_its_record(self) -> None:
        project = self.shared("project", title_en="a")
        task = self.shared("task", project=project)
        draft = Draft(self.replica)
        draft.update(project, {"title_en": "b"})
        draft.delete(task)
        draft.restore(task)
        draft.delete_with_children(project)
        kinds = [(one["kind"], one["record"]) for one in draft._operations]
        self.assertEqual(kinds, [("delete", task), ("delete", project)])
        draft.restore(project)
        draft.update(project, {"title_en": "c"})
        kinds = [(one["kind"], one["record"]) for one in self.sealed(draft)["operations"]]
        self.assertEqual(kinds[2:], [("restore", project), ("restore", task), ("update", project)])
        self.assertEqual((self.values(project), self.values(task)), ({"title_en": "c"}, {"project": project}))

    def test_nothing_stays_of_what_one_draft_makes_and_deletes(self) -> None:
        draft = Draft(self.replica)
        project = draft.insert("project", {"title_en": "a"})
        draft.insert("task", {"project": project})
        draft.delete_with_children(project)
        self.assertIsNone(draft.seal())

    def test_an_insert_has_no_values_before(self) -> None:
        draft = Draft(self.replica)
        record = draft.insert("project", {"title_en": "a"})
        draft.update(record, {"status": "active", "tags": ["x"]})
        draft.keep(record, "sensitivity")
        [operation] = self.sealed(draft)["operations"]
        self.assertEqual([edit["field"] for edit in operation["fields"]], ["status", "tags", "title_en"])
        self.assertEqual([edit for edit in operation["fields"] if "before" in edit], [])

    def test_a_draft_begins_with_what_stood_at_one_moment(self) -> None:
        """Another program's sync came between: the draft had an old base, and had not seen its author's own edit."""
        record = self.shared("project", title_en="a")
        change_set = self.change(record, title_en="mine")
        entry = OTHER | {"version": str(self.replica.version + 1), "change_set": change_set, "accepted": "1"}
        real = self.replica.outbox
        with patch.object(limits, "REPLICA_BUSY_SECONDS", 0):
            other = Replica(self.replica.path, read_schema())
        self.addCleanup(other.close)

        def between() -> list[Pending]:
            with self.assertRaises(sqlite3.OperationalError):
                other.integrate([entry], None, None)
            return real()

        with patch.object(self.replica, "outbox", between):
            draft = Draft(self.replica)
        draft.update(record, {"title_en": "again"})
        sealed = self.sealed(draft)
        self.assertEqual((sealed["base"], len(sealed["seen"])), (change_set["base"], 1))

    def test_it_lists_as_many_as_a_server_takes(self) -> None:
        for title in "abc":
            self.add("project", title_en=title)
            self.replica._db.execute("UPDATE outbox SET body = json_remove(body, '$.seen')")
        hashes = [pending.hash for pending in self.replica.outbox()]
        draft = Draft(self.replica)
        draft.insert("project", {})
        with patch.object(limits, "DELIVERY_LIMIT", 2):
            self.assertEqual(self.sealed(draft)["seen"], hashes[1:])

    def test_what_is_no_request_as_json_is_not_sealed(self) -> None:
        draft = Draft(self.replica)
        draft.insert("project", {"summary": "\1" * 1_000_000})
        self.sealed(draft)
        draft = Draft(self.replica)
        draft.insert("project", {"summary": "\1" * 1_000_000, "title_en": "\1" * 1_000_000})
        with self.assertRaisesRegex(InvalidValue, "sends JSON"):
            draft.seal()

    def test_a_draft_is_sealed_once(self) -> None:
        draft = Draft(self.replica)
        record = draft.insert("task", {"spent_h": 3})
        self.sealed(draft)
        with self.assertRaises(AlreadySealed):
            draft.seal()
        with self.assertRaises(AlreadySealed):
            draft.update(record, {"spent_h": 4})
        self.assertEqual(len(self.outbox()), 1)

    def test_a_draft_that_could_not_be_sealed_is_whole(self) -> None:
        draft = Draft(self.replica)
        draft.insert("project", {"title_en": "a"})
        with patch.object(limits, "CHANGE_SET_BYTE_LIMIT", 10), self.assertRaises(InvalidValue):
            draft.seal()
        [edit] = self.sealed(draft)["operations"][0]["fields"]
        self.assertEqual(edit["after"], {"text": "a"})

    def test_a_draft_reads_nothing_newer_than_its_base(self) -> None:
        record = self.shared("project", title_en="a")
        for change in (lambda: self.accept(self.foreign()), lambda: self.change(record, progress=1)):
            draft = Draft(self.replica)
            draft.insert("project", {"title_en": "mine"})
            change()
            with self.assertRaises(ReplicaMovedOn):
                draft.update(record, {"title_en": "b"})
            self.sealed(draft)

    def test_the_limit_of_a_change_set_is_of_its_stored_form(self) -> None:
        """As JSON with escapes, Chinese takes twice as many bytes."""
        draft = Draft(self.replica)
        for _ in range(3):
            draft.insert("project", {"summary": "\u6c34" * 340_000})
        self.sealed(draft)
        draft = Draft(self.replica)
        for _ in range(5):
            draft.insert("project", {"summary": "\u6c34" * 340_000})
        with self.assertRaises(InvalidValue):
            draft.seal()

    def test_a_live_record_is_not_inserted_again(self) -> None:
        record = self.shared("project", title_en="a")
        with self.assertRaises(InvalidValue):
            Draft(self.replica).insert("project", {}, record)

    # --- Settling ---------------------------------------------------------------------------------

    def conflict(self, record: str, kind: str, **values: str) -> str:
        """An open conflict that another's change set brings."""
        own_id = conflict_id(random_id(), record, values.get("field"), kind)
        fields = {"collection": "project", "record": record, "kind": kind} | values
        pairs = [{"field": name, "value": value_to_json(fields[name])} for name in sorted(fields)]
        effect = {"collection": "conflict", "record": own_id, "state": "live", "values": pairs}
        self.accept(self.foreign(), merged=True, effects=[effect])
        return own_id

    def test_taking_the_other_value_and_settling_are_one_change_set(self) -> None:
        record = self.shared("project", title_en="a")
        conflict = self.conflict(record, "field", field="title_en", other='"b"')
        change_set = settle(self.replica, conflict, "take")
        assert change_set
        self.assertEqual([one["record"] for one in change_set["operations"]], [record, conflict])
        self.assertEqual(self.values(record), {"title_en": "b"})

    def test_keeping_makes_the_settler_a_writer(self) -> None:
        record = self.shared("project", title_en="a")
        change_set = settle(self.replica, self.conflict(record, "field", field="title_en", other='"b"'), "keep")
        assert change_set
        [edit] = change_set["operations"][0]["fields"]
        self.assertEqual(edit["before"], edit["after"])

    def test_taking_a_value_restores_a_deleted_record(self) -> None:
        record = self.shared("project", title_en="a")
        conflict = self.conflict(record, "field", field="title_en", other='"b"')
        self.accept(self.delete(record))
        settle(self.replica, conflict, "take")
        self.assertEqual(self.values(record), {"title_en": "b"})

    def test_keeping_a_deletion_settles_alone(self) -> None:
        record = self.shared("project", title_en="a")
        conflict = self.conflict(record, "deleted")
        self.accept(self.delete(record))
        change_set = settle(self.replica, conflict, "keep")
        assert change_set
        self.assertEqual([one["record"] for one in change_set["operations"]], [conflict])

    def test_a_conflict_about_a_record_has_no_value(self) -> None:
        record = self.shared("project", title_en="a")
        conflict = self.conflict(record, "deleted")
        with self.assertRaises(InvalidValue):
            settle(self.replica, conflict, "value", "x")
        self.assertEqual((self.values(record), self.outbox()), ({"title_en": "a"}, []))

    def test_a_conflict_is_settled_once_and_not_edited(self) -> None:
        record = self.shared("project", title_en="a")
        conflict = self.conflict(record, "field", field="title_en", other='"b"')
        edits: list[Callable[[Draft], object]] = [
            lambda draft: draft.update(conflict, {"other": '"c"'}),
            lambda draft: draft.delete(conflict),
            lambda draft: draft.keep(conflict),
            lambda draft: draft.insert("conflict", {}),
        ]
        for edit in edits:
            with self.assertRaises(InvalidValue):
                edit(Draft(self.replica))
        with self.assertRaises(InvalidValue):
            settle(self.replica, conflict, "kepe")
        settle(self.replica, conflict, "keep")
        with self.assertRaises(AlreadySettled):
            settle(self.replica, conflict, "take")

    # --- Leaving the outbox -----------------------------------------------------------------------

    def test_what_leaves_unaccepted_leaves_a_link_while_others_may_list_it(self) -> None:
        first, second, third = (self.add("project", title_en=title) for title in "abc")
        one, two, three = self.replica.outbox()
        self.replica.reject(two.change_set["id"], "depends_on_rejected", "")
        self.assertEqual(self.replica.links(), [{"hash": two.hash, "seen": [one.hash]}])
        self.assertEqual(three.change_set["seen"], [two.hash])
        self.accept(one.change_set)
        self.assertEqual(len(self.replica.links()), 1)
        self.accept(three.change_set)
        self.assertEqual(self.replica.links(), [])
        self.assertIsNone(self.replica.record(second))

    def test_a_retry_is_the_same_change_set_under_a_new_number(self) -> None:
        record = self.add("project", title_en="a")
        [pending] = self.replica.outbox()
        self.replica.reject(pending.change_set["id"], "role_too_low", "")
        self.assertIsNone(self.replica.record(record))
        self.assertTrue(self.replica.retry(pending.change_set["id"]))
        [again] = self.replica.outbox()
        self.assertEqual((again.number, again.hash), (2, pending.hash))
        self.assertEqual(self.values(record), {"title_en": "a"})
        self.assertFalse(self.replica.retry(pending.change_set["id"]))

    def test_the_quarantine_keeps_the_order_of_edits(self) -> None:
        record = self.shared("project", title_en="a")
        made = [self.change(record, progress=step)["id"] for step in range(1, 9)]
        for one in made:
            self.replica.reject(one, "role_too_low", "")
        self.assertEqual([one[0] for one in self.replica.quarantine()], made)
        self.assertFalse(self.replica.retry(made[0], random_id()))
        self.assertEqual(self.outbox(), [])
        self.assertTrue(self.replica.retry(*reversed(made[:-1])))
        self.assertEqual([one["id"] for one in self.outbox()], made[:-1])
        self.assertEqual((self.values(record)["progress"], len(self.replica.quarantine())), (7, 1))

    def test_those_that_come_back_together_come_behind_what_they_list(self) -> None:
        made = [self.add("project", title_en=title) for title in "abc"]
        ids = [one["id"] for one in self.outbox()]
        for one in reversed(ids):
            self.replica.reject(one, "role_too_low", "")
        self.assertTrue(self.replica.retry(*ids))
        self.assertEqual([one["id"] for one in self.outbox()], ids)
        self.assertTrue(all(map(self.replica.record, made)))

    def test_a_file_of_an_older_program_gets_the_order_by_time(self) -> None:
        record = self.shared("project", title_en="a")
        for step in range(1, 9):
            self.replica.reject(self.change(record, progress=step)["id"], "role_too_low", "")
        self.replica._db.execute("UPDATE quarantine SET body = json_set(body, '$.time', CAST(seq * 7 AS TEXT))")
        made = [one[0] for one in self.replica.quarantine()]
        for statement in (
            "CREATE TABLE old (id TEXT PRIMARY KEY, code TEXT NOT NULL, detail TEXT NOT NULL, hash TEXT NOT NULL,"
            " body TEXT NOT NULL) WITHOUT ROWID",
            "INSERT INTO old SELECT id, code, detail, hash, body FROM quarantine",
            "DROP TABLE quarantine",
            "ALTER TABLE old RENAME TO quarantine",
        ):
            self.replica._db.execute(statement)
        for _ in range(2):
            with Replica(self.replica.path, read_schema()) as again:
                self.assertEqual([one[0] for one in again.quarantine()], made)

    def test_what_waits_is_discarded_with_a_link_and_what_it_alone_made_is_gone(self) -> None:
        record = self.shared("project", title_en="a")
        kept = self.change(record, title_en="b")
        project = self.add("project", title_en="c")
        self.add("task", project=project)
        later = self.change(record, title_en="d")
        gone, task = self.outbox()[1:3]
        self.assertTrue(self.replica.discard_waiting(gone["id"]))
        self.assertEqual([one["id"] for one in self.outbox()], [kept["id"], later["id"]])
        self.assertEqual([(one[0], one[1]) for one in self.replica.quarantine()], [(task["id"], "depends_on_rejected")])
        hashes = {change_set_hash(one).hex() for one in (gone, task)}
        self.assertEqual({one["hash"] for one in self.replica.links()}, hashes)
        self.assertTrue(self.replica.discard_waiting(kept["id"]))
        self.assertEqual([one["id"] for one in self.outbox()], [later["id"]])
        self.replica.mark_accepted(later["id"], self.replica.version + 1)
        for one in (gone["id"], later["id"]):
            self.assertFalse(self.replica.discard_waiting(one))
        self.assertEqual(len(self.outbox()), 1)

    # --- Transactions -----------------------------------------------------------------------------

    def test_a_full_disk_is_told_and_the_replica_goes_on(self) -> None:
        """What undid the transaction failed: SQLite had done it, and the error was another."""
        pages = self.replica._db.execute("PRAGMA page_count").fetchone()[0]
        self.replica._db.execute(f"PRAGMA max_page_count = {pages}")
        draft = Draft(self.replica)
        draft.insert("project", {"summary": "x" * 100_000})
        with self.assertRaisesRegex(sqlite3.OperationalError, "full"):
            draft.seal()
        self.assertEqual(self.outbox(), [])
        self.replica._db.execute("PRAGMA max_page_count = 1000000")
        self.sealed(draft)

    def test_a_commit_that_a_reader_holds_up_leaves_no_transaction(self) -> None:
        """What came after was in it, seen here and nowhere else."""
        self.replica._db.execute("PRAGMA busy_timeout = 0")
        draft = Draft(self.replica)
        draft.insert("project", {"title_en": "a"})
        with closing(sqlite3.connect(self.replica.path, isolation_level=None)) as reader:
            reader.execute("BEGIN")
            reader.execute("SELECT * FROM meta").fetchall()
            with self.assertRaisesRegex(sqlite3.OperationalError, "locked"):
                draft.seal()
            self.assertEqual(self.outbox(), [])
        self.sealed(draft)
        with Replica(self.replica.path, read_schema()) as again:
            self.assertEqual(len(again.outbox()), 1)

    def test_a_quarantined_change_set_that_was_accepted_after_all_leaves(self) -> None:
        self.add("project", title_en="a")
        [change_set] = self.outbox()
        self.replica.reject(change_set["id"], "role_too_low", "")
        own = self.replica.replica_id
        self.accept(change_set, replica=own)
        self.assertEqual((self.replica.quarantine(), self.replica.replica_id), ([], own))

    def test_an_own_entry_from_nowhere_means_a_copy(self) -> None:
        own = self.replica.replica_id
        self.add("project", title_en="a")
        self.add("project", title_en="b")
        self.accept(self.outbox()[0])
        self.accept(self.foreign(), replica=own)
        self.assertNotEqual(self.replica.replica_id, own)
        self.assertEqual([pending.number for pending in self.replica.outbox()], [1])

    # --- Digests ----------------------------------------------------------------------------------

    def test_a_mismatch_keeps_nothing(self) -> None:
        self.add("project", title_en="a")
        entry = OTHER | {"version": "1", "change_set": self.outbox()[0], "accepted": "1"}
        for history, state, error in ((EMPTY_STATE, None, DigestMismatch), (None, EMPTY_STATE, StateMismatch)):
            with self.assertRaises(error):
                self.replica.integrate([entry], history, state)
            self.assertEqual((self.replica.version, len(self.outbox()), self.replica.state_digest), (0, 1, EMPTY_STATE))

    def test_versions_that_another_program_brought_meanwhile_are_left_out(self) -> None:
        entries = []
        for version in (1, 2, 3):
            entries.append(OTHER | {"version": str(version), "change_set": self.foreign(), "accepted": "1"})
        self.replica.integrate(entries[:2], None, None)
        history = self.replica.history_digest
        self.replica.integrate(entries[:2], history, self.replica.state_digest)
        self.replica.integrate(entries[:1], self.replica.history_digest_at(1), EMPTY_STATE)
        self.replica.integrate(entries[1:], None, None)
        self.assertEqual((self.replica.version, self.replica.history_digest_at(2)), (3, history))
        with self.assertRaises(DigestMismatch):
            self.replica.integrate(entries[:1], history, None)

    def test_mending_sets_a_bucket_and_keeps_aside_what_stood_there(self) -> None:
        record, digest = self.shared("project", title_en="a"), self.replica.state_digest
        self.change(record, title_en="mine")
        self.replica._db.execute('UPDATE record SET body = \'{"title_en":"rot"}\'')
        content = {
            "collection": "project",
            "record": record,
            "values": [{"field": "title_en", "value": {"text": "a"}}],
        }
        self.assertEqual(self.replica.mend([{"bucket": str(int(record[-2:], 16)), "records": [content]}]), 1)
        self.assertEqual((self.replica.state_digest, self.values(record)), (digest, {"title_en": "mine"}))
        self.assertEqual(
            self.replica._db.execute("SELECT id, was FROM mended").fetchall(), [(record, '{"title_en":"rot"}')]
        )

    def test_starting_over_keeps_outbox_and_quarantine(self) -> None:
        record = self.shared("project", title_en="a")
        self.change(record, title_en="mine")
        rejected = self.change(record, progress=1)
        self.replica.reject(rejected["id"], "role_too_low", "")
        lost = self.foreign()
        kept = Record(record, "project", True, {"title_en": "b"})
        state = State(random_id(), 1, [(kept, None)], [({"version": "1"}, b"\x01" * 32)])
        self.replica.start_from(state, [lost, rejected])
        self.assertEqual(self.values(record), {"title_en": "mine"})
        self.assertEqual((self.replica.epoch, self.replica.history_digest), (state.epoch, "01" * 32))
        self.assertEqual([one["id"] for one in self.outbox()][:-1], [lost["id"]])
        self.assertEqual(len(self.replica.quarantine()), 1)

    def test_own_entries_up_to_the_version_left_behind_mean_no_copy(self) -> None:
        """After it started over from an older snapshot of the same history it took itself for a copy."""
        own, record = self.replica.replica_id, self.shared("project", title_en="a")
        older = State(self.replica.epoch, 1, [], [({"version": "1"}, b"\x01" * 32)])
        late = [self.foreign(), self.foreign()]
        self.accept(late[0], replica=self.replica.replica_id)
        self.replica._set_meta(replica=own)
        self.replica.start_from(older)
        self.replica.start_from(older)
        self.accept(late[0], replica=own)
        self.assertEqual((self.replica.replica_id, self.replica.version), (own, 2))
        self.accept(late[1], replica=own)
        self.assertNotEqual(self.replica.replica_id, own)
        again = self.replica.replica_id
        self.replica.start_from(replace(older, epoch=random_id()))
        self.accept(late[0], replica=again)
        self.assertNotEqual(self.replica.replica_id, again)
        self.assertIsNone(self.replica.record(record))

    def test_a_history_that_rotted_is_found(self) -> None:
        self.shared("project", title_en="a")
        for column, rot in (("history", "00" * 32), ("history", "x"), ("body", "{"), ("body", "{}"), ("body", "[]")):
            with self.subTest(column=column, rot=rot):
                whole = self.replica._db.execute(f"SELECT {column} FROM entry").fetchone()
                self.replica._db.execute(f"UPDATE entry SET {column} = ?", (rot,))
                self.assertEqual(self.replica.broken_link(), 1)
                self.assertEqual(len(self.replica.history_digest), 64)
                self.replica._db.execute(f"UPDATE entry SET {column} = ?", whole)
        self.assertIsNone(self.replica.broken_link())
        self.replica._db.execute("DELETE FROM entry")
        self.assertEqual((self.replica.broken_link(), self.replica.history_digest), (1, "00" * 32))

    def test_no_snapshot_of_another_epoch_or_that_lost_what_was_given_back(self) -> None:
        brought = Brought(random_id(), [{"version": "1", "change_set": {"id": random_id()}}])
        state = State(str(brought.epoch), 1, [], [])
        self.assertTrue(brought.is_in(state))
        self.assertFalse(brought.is_in(replace(state, epoch=random_id())))
        self.assertFalse(brought.is_in(replace(state, holds=lambda _: False)))
        self.assertTrue(Brought(state.epoch).is_in(state))

    def test_nothing_here_to_edit(self) -> None:
        with self.assertRaises(NotHere):
            Draft(self.replica).update(ordered_id(), {})
        with self.assertRaises(NotHere):
            Draft(self.replica).restore(ordered_id())

    def test_the_hash_names_the_content(self) -> None:
        self.add("project", title_en="a")
        [pending] = self.replica.outbox()
        self.assertEqual(pending.hash, change_set_hash(pending.change_set).hex())


class SchemaTest(ReplicaCase):
    def test_a_schema_that_a_server_sent_says_what_is_a_default(self) -> None:
        record = self.shared("project", title_en="a")
        before = self.replica.state_digest
        self.replica.take_schema(self.newer_schema())
        for moon in ("full", "new"):
            edit = {"field": "moon", "after": {"text": moon}}
            self.accept(self.foreign({"kind": "update", "collection": "project", "record": record, "fields": [edit]}))
            self.assertEqual(self.replica.state_digest == before, moon == "new")

    def test_what_is_no_schema_is_not_kept(self) -> None:
        given = json.loads(self.newer_schema())
        lesser = given | {"collections": given["collections"][1:]}
        odd = given | {"collections": [*given["collections"], {"name": 'a"b', "fields": []}]}
        for text in ("{", "[]", "null", "{}", "[" * 100_000, json.dumps(lesser), json.dumps(odd), " " * (1 << 20) + "{}"):
            with self.subTest(text[:40]), self.assertRaises(InvalidSchema):
                self.replica.take_schema(text)
        with Replica(self.replica.path, read_schema()) as again:
            self.assertEqual(again.schema.version, read_schema().version)

    def test_it_is_kept_in_the_file(self) -> None:
        self.replica.take_schema(self.newer_schema())
        with Replica(self.replica.path, read_schema()) as again:
            self.assertEqual(again.schema.version, read_schema().version + 1)
            self.assertIn("star", again.schema.collections)
            self.assertEqual(again.schema.default("project", "moon"), "new")


if __name__ == "__main__":
    unittest.main()

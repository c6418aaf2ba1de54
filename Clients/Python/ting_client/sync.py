# SPDX-License-Identifier: Apache-2.0
"""Exchanges with a server: deliveries, verdicts, entries, and what heals a replica that differs (spec/sync.md)."""

from __future__ import annotations

import base64
import time
from collections.abc import Collection
from dataclasses import dataclass, field
from pathlib import Path

from . import answers, limits, snapshot
from .answers import Form
from .canonical import Json, json_bytes
from .errors import Failure
from .records import dependents
from .replica import DigestMismatch, Pending, Replica, SchemaBehind, State, StateMismatch
from .wire import PROTOCOL, SENT_BYTES, Server, workspace_path

_VERDICTS = ("applied", "merged", "rejected", "deferred")
TIME_AND_AGAIN = "the server's history is not this replica's, time and again: tell its operator"


class StartsOverAgain(Failure):
    """The replica started over more often than can be right; outbox and state stay as they are."""


class NoProgress(Failure):
    """The server's answers lead nowhere: the sync would go on for ever."""

    remedy = "Sync again later; if it stays so, tell the server's operator. Edits are kept."


@dataclass
class Report:
    """What a sync did."""

    accepted: list[str] = field(default_factory=list)
    merged: list[str] = field(default_factory=list)
    rejected: list[tuple[str, str, str]] = field(default_factory=list)
    deferred: list[tuple[str, str]] = field(default_factory=list)
    received: int = 0
    renamed: bool = False
    mended: int = 0
    given_back: int = 0
    kept_aside: list[Path] = field(default_factory=list)
    version: int = 0


def sync(server: Server, replica: Replica, page_bytes: int = 0) -> Report:
    """Exchanges until the outbox is judged and the head integrated."""
    return _Sync(server, replica, page_bytes).run()


def replay(server: Server, replica: Replica) -> None:
    """Fills an empty replica from the entries alone, where the server still has all of them.

    The next sync compares the digests; where the history begins above version 1, it takes the snapshot, and where an
    entry names what the replica's schema lacks, the server's schema comes with it, then the rest of the entries.
    """
    path = workspace_path(replica.slug, "/entries")
    while True:
        query = {"since": replica.version, "bytes": limits.PAGE_BYTE_LIMIT}
        entries = server.call("GET", path, answers.ENTRIES, query=query).get("entries", [])
        if not entries or int(entries[0]["version"]) != replica.version + 1:
            return
        try:
            replica.integrate(entries, None, None)
        except SchemaBehind:
            return


@dataclass
class Brought:
    """What a server of one epoch was given back: entries that it took, and those that it did not."""

    epoch: str
    taken: list[Json] = field(default_factory=list)
    refused: list[Json] = field(default_factory=list)

    def is_in(self, state: State) -> bool:
        """Whether it is still there: a server may lose it once more."""
        return self.epoch == state.epoch and all(state.holds(entry["change_set"]["id"]) for entry in self.taken)


class _Sync:
    """One sync: exchanges, and between them what the last answer asks for."""

    def __init__(self, server: Server, replica: Replica, page_bytes: int) -> None:
        self._server, self._replica, self._page_bytes = server, replica, page_bytes
        self._report = Report()
        self._waiting: set[str] = set()
        """Change sets that are deferred in this sync, with what builds on them."""
        self._unjudged: dict[str, str] = {}
        """Those that got a verdict of a kind that this client doesn't know, with the kind."""
        self._checks_state = True
        """Not while the records are known to differ: they are mended at the head."""
        self._restarts_begun = self._restarts_done = 0
        self._renamings = self._mendings = self._late_mendings = 0
        self._asks_for_schema = False
        """An entry named what the replica's schema lacks: the server's is asked for, once."""
        self._stood: set[tuple[object, ...]] = set()
        """How each exchange began: one that begins as another did would end as that did."""

    def run(self) -> Report:
        with self._replica.alone():
            self._replica.claim(self._server.member)
            self._replica.forget_accepted()
            own_id = self._replica.replica_id
            while not self._exchange():
                pass
            self._report.version, self._report.renamed = self._replica.version, self._replica.replica_id != own_id
        return self._report

    def _exchange(self) -> bool:
        """Whether both ends are at the head and hold the same."""
        page = self._page()
        while not self._begins_anew(page):
            self._pass_over(page)
            page = self._page()
        response = self._call("/sync", answers.SYNC, self._request(page))
        if response["epoch"] != self._replica.epoch or not response.get("history_agrees"):
            self._start_over(None if self._is_own_damage(response) else response)
            return False
        if response.get("schema"):
            self._replica.take_schema(response["schema"])
        self._take_members(response)
        self._take_verdicts(response, {one.change_set["id"] for one in page})
        if int(response.get("floor", 0)) > self._replica.version + 1:
            self._start_over(below_floor=True)
            return False
        if not self._integrate(response):
            return False
        if int(response.get("clash", 0)):
            self._renamings += 1
            if self._renamings > limits.RENAMINGS:
                raise DigestMismatch("the server takes no replica id")
            self._replica.take_new_id()
        elif self._replica.version >= int(response.get("head", 0)) and not self._page():
            return self._checks_state or self._mend()
        return False

    def _integrate(self, response: Json) -> bool:
        """Whether the entries were kept; where they could not be, what heals is under way."""
        self._checks_state = self._checks_state and bool(response.get("digests_agree"))
        entries = response.get("entries", [])
        try:
            state = response["state_digest"] if self._checks_state else None
            self._replica.integrate(entries, response["history_digest"], state)
        except SchemaBehind:
            if self._asks_for_schema:
                raise
            self._asks_for_schema = True
            return False
        except StateMismatch:
            self._checks_state = False
            return False
        except DigestMismatch:
            self._start_over()
            return False
        self._report.received += len(entries)
        return True

    def _is_own_damage(self, response: Json) -> bool:
        """Whether it is this replica's history that is not what it was, while the server's lost nothing of it."""
        replica = self._replica
        is_whole = response["epoch"] == replica.epoch and int(response.get("head", 0)) >= replica.version
        return is_whole and replica.broken_link() is not None

    def _begins_anew(self, page: list[Pending]) -> bool:
        """Whether no exchange of this sync began so."""
        replica, numbers = self._replica, tuple(one.number for one in page)
        shared = (replica.epoch, replica.version, replica.state_digest)
        asked = (self._checks_state, self._asks_for_schema)
        standing = (*shared, replica.replica_id, numbers, *asked, self._restarts_begun)
        if standing in self._stood:
            return False
        self._stood.add(standing)
        return True

    def _pass_over(self, page: list[Pending]) -> None:
        """Leaves what nobody can judge here to a later sync; raises `NoProgress` where there is nothing of that."""
        unjudged = [one.change_set["id"] for one in page if one.change_set["id"] in self._unjudged]
        if not unjudged:
            raise NoProgress(f"the server's answers bring version {self._replica.version} no further")
        for one in unjudged:
            self._defer(one, self._unjudged.pop(one))

    def _call(self, path: str, form: Form, message: Json) -> Json:
        version = 0 if self._asks_for_schema else self._replica.schema.version
        whole = {"protocol": str(PROTOCOL), "schema": str(version)} | message
        return self._server.call("POST", workspace_path(self._replica.slug, path), form, whole)

    # --- What is said -----------------------------------------------------------------------------

    def _page(self) -> list[Pending]:
        """The next change sets to deliver; what waits in this sync, or was accepted in it, is left out.

        What is too large for a request waits too: an older program sealed it, or it was not taken back.
        """
        page: list[Pending] = []
        size = 0
        for pending in self._replica.outbox():
            if pending.accepted is not None or pending.change_set["id"] in self._waiting:
                continue
            own = len(json_bytes(pending.change_set))
            if own > SENT_BYTES:
                self._defer(pending.change_set["id"], "request_too_large")
                continue
            size += own
            if page and size > limits.OUTBOX_PAGE_BYTE_LIMIT or len(page) == limits.DELIVERY_LIMIT:
                break
            page.append(pending)
        return page

    def _request(self, page: list[Pending]) -> Json:
        replica = self._replica
        waiting = [one for one in replica.outbox() if one.change_set["id"] in self._waiting]
        unsent = [{"hash": one.hash, "seen": one.change_set.get("seen", [])} for one in waiting]
        request: Json = {
            "replica": replica.replica_id,
            "base": replica.base,
            "history_digest": replica.history_digest,
            "state_digest": replica.state_digest,
            "sent": str(time.time_ns() // 1_000_000),
            "members_version": str(replica.members_version),
            "links": [*replica.links(), *unsent][: limits.DELIVERY_LIMIT],
            "deliveries": [{"number": str(one.number), "change_set": one.change_set} for one in page],
        }
        return request | ({"page_byte_limit": str(self._page_bytes)} if self._page_bytes else {})

    # --- What is answered -------------------------------------------------------------------------

    def _take_members(self, response: Json) -> None:
        if response.get("has_members"):
            self._replica.set_members(response.get("members", []), int(response.get("members_version", 0)))
        if response.get("role", "") != self._replica.role:
            self._replica.set_role(response.get("role", ""))

    def _take_verdicts(self, response: Json, delivered: set[str]) -> None:
        """Does what each verdict says, and the same to the later outbox that builds on it and wasn't judged.

        That is one transaction. A verdict of a kind that this client doesn't know is none, and so is one of what was not
        delivered.
        """
        given = [one for one in response.get("verdicts", []) if one["change_set"] in delivered]
        verdicts = [one for one in given if one["verdict"] in _VERDICTS]
        judged = {verdict["change_set"] for verdict in verdicts}
        self._unjudged |= {one["change_set"]: one["verdict"] for one in given if one["change_set"] not in judged}
        rejected: dict[str, tuple[str, str]] = {}
        with self._replica.transaction():
            for verdict in verdicts:
                change_set, kind, code = verdict["change_set"], verdict["verdict"], verdict.get("code", "")
                if kind in ("applied", "merged"):
                    self._replica.mark_accepted(change_set, int(verdict.get("version", 0)))
                    (self._report.merged if kind == "merged" else self._report.accepted).append(change_set)
                elif kind == "deferred":
                    self._defer(change_set, code, judged)
                else:
                    later = [one for one in self._building_on(change_set) if one not in judged]
                    builds_on_it = ("depends_on_rejected", "It builds on a rejected change set.")
                    rejected |= {change_set: (code, verdict.get("detail", ""))} | dict.fromkeys(later, builds_on_it)
            self._reject(rejected)

    def _reject(self, rejected: dict[str, tuple[str, str]]) -> None:
        """In the order of edits: so they come out of the quarantine again."""
        for one in [pending.change_set["id"] for pending in self._replica.outbox()]:
            if one in rejected:
                self._replica.reject(one, *rejected[one])
                self._report.rejected.append((one, *rejected[one]))

    def _defer(self, change_set: str, code: str, judged: Collection[str] = ()) -> None:
        self._report.deferred.append((change_set, code))
        self._waiting.update([change_set, *(one for one in self._building_on(change_set) if one not in judged)])

    def _building_on(self, change_set: str) -> list[str]:
        """The change sets later in the outbox that build on this one."""
        outbox = [pending.change_set for pending in self._replica.outbox() if pending.accepted is None]
        ids = [one["id"] for one in outbox]
        if change_set not in ids:
            return []
        at = ids.index(change_set)
        return [one["id"] for one in dependents(outbox[at], outbox[at + 1 :])]

    # --- What heals -------------------------------------------------------------------------------

    def _mend(self) -> bool:
        """Puts right the records that differ; then, or after starting over, the sync goes on."""
        replica = self._replica
        while True:
            answer = self._ask_for_buckets()
            if answer["epoch"] != replica.epoch or int(answer.get("head", 0)) != replica.version:
                self._late_mendings += 1
                if self._late_mendings > limits.LATE_MENDINGS:
                    raise NoProgress("others edit faster than this replica can be mended")
                return False
            changed = replica.mend(answer.get("buckets", []))
            self._report.mended += changed
            if replica.state_digest == answer["state_digest"]:
                self._checks_state = True
                return False
            if not changed:
                self._start_over()
                return False

    def _ask_for_buckets(self) -> Json:
        self._mendings += 1
        if self._mendings > limits.MENDINGS:
            raise NoProgress("the server's records differ however often they are mended")
        replica = self._replica
        own = replica.recomputed_buckets()
        replica.keep_buckets(own)
        sums = [base64.b64encode(one.to_bytes(32, "big")).decode("ascii") for one in own.sums]
        message = {"epoch": replica.epoch, "version": str(replica.version), "sums": sums}
        return self._call("/mend", answers.MEND, message)

    def _start_over(self, other: Json | None = None, below_floor: bool = False) -> None:
        """Goes on from the server's snapshot, the outbox on top; the answer of another history may lack some of this.

        A snapshot of another history than this one, or the answer's, is not taken: that one may lack something too.
        Only what was carried out counts as a start, but for the bound on beginnings: a bad line may end many downloads.
        """
        self._restarts_begun += 1
        if self._restarts_done == limits.START_OVER_LIMIT or self._restarts_begun > 4 * limits.START_OVER_LIMIT:
            raise StartsOverAgain(TIME_AND_AGAIN)
        brought = self._give_back(other) if other is not None else Brought(self._replica.epoch)
        if brought is None:
            return
        if self._replica.restarts_of_the_hour() >= limits.START_OVERS_PER_HOUR:
            raise StartsOverAgain(TIME_AND_AGAIN)
        file = self._replica.path.with_name(f"{self._replica.path.name}.snapshot")
        snapshot.download(self._server, self._replica.slug, file)
        with snapshot.opened(file, self._replica.schema) as state:
            if brought.is_in(state):
                self._take(state, brought.refused, below_floor)
        file.unlink()

    def _take(self, state: State, refused: list[Json], below_floor: bool) -> None:
        replica = self._replica
        goes_on = below_floor and state.epoch == replica.epoch and state.version > replica.version
        self._report.kept_aside.append(replica.copy_aside())
        own = [entry["change_set"] for entry in refused if entry["author"] == self._server.member]
        replica.start_from(state, own)
        if not goes_on:
            replica.note_restart()
        self._restarts_done += 1
        self._checks_state = True

    def _give_back(self, other: Json) -> Brought | None:
        """Brings every entry that the server may have lost; what it does not say it took was refused.

        So is an entry that is too large for a request in JSON. None where yet another history answers: it may lack more,
        and is asked anew.
        """
        brought = Brought(other["epoch"])
        epoch, at = self._replica.epoch, self._last_in_common(other)
        while page := self._replica.entries(at, limits.PAGE_BYTE_LIMIT):
            at = int(page[-1]["version"])
            if len(json_bytes(page[0])) > SENT_BYTES:
                brought.refused += page
                continue
            answer = self._call("/give-back", answers.GIVE_BACK, {"epoch": epoch, "entries": page})
            if answer["epoch"] != brought.epoch:
                return None
            versions = {int(version) for version in answer.get("taken", [])}
            taken = [entry for entry in page if int(entry["version"]) in versions]
            self._report.given_back += len(taken)
            brought.taken += taken
            brought.refused += [entry for entry in page if int(entry["version"]) not in versions]
        return brought

    def _last_in_common(self, other: Json) -> int:
        replica, lineage = self._replica, other.get("lineage", [])
        ends = [(int(end.get("version", 0)), end) for end in lineage if end["epoch"] == replica.epoch]
        went_on = any(version >= replica.version for version, end in ends if end is not lineage[-1])
        if went_on and other.get("history_digest") == replica.history_digest:
            return replica.version
        shared = [version for version, end in ends if replica.history_digest_at(version) == end["history_digest"]]
        return max(shared, default=0)

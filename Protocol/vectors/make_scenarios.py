#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes the vectors of exchanges: `merge-*`, `verdict-*`, `mend-*`, `sealing-*`, `dependents` and `error-*`.

With `--check` it compares the files with what it would write.
"""

from __future__ import annotations

import re
import sys

from scenario import (
    ANNA,
    BO,
    EPOCH,
    HERE,
    OTHER_EPOCH,
    P1,
    P2,
    P3,
    START,
    T1,
    T2,
    Buckets,
    Json,
    Scenario,
    Value,
    base,
    change_set_hash,
    closed,
    delete,
    edit,
    insert,
    live,
    operation,
    replica,
    restore,
    settle,
    text_of,
    update,
    updated,
    value_to_json,
)

MADE: list[Scenario | Plain] = []


def scenario(name: str, spec: str, comment: str) -> Scenario:
    made = Scenario(name, spec, comment)
    MADE.append(made)
    return made


def project(name: str, spec: str, comment: str, **values: Value) -> Scenario:
    """A scenario that begins with Anna's project as version 1."""
    s = scenario(name, spec, comment)
    s.deliver(ANNA, (s.change_set(0, insert("project", P1, **values)), "applied"))
    return s


def task(name: str, spec: str, comment: str, **values: Value) -> Scenario:
    s = scenario(name, spec, comment)
    s.deliver(ANNA, (s.change_set(0, insert("task", T1, **values)), "applied"))
    return s


def anna(s: Scenario, *operations: Json, since: int = 1, expected: object = "applied", **more: object) -> Json:
    """A change set of Anna's, delivered at once."""
    made = s.change_set(since, *operations, **more)
    s.deliver(ANNA, (made, expected))
    return made


# --- Fields ---------------------------------------------------------------------------------------

FIELDS = "merge.md#fields"


def latest() -> None:
    s = project("merge-latest-later", FIELDS, "The later edit's value is kept, the other opens a conflict.", title_en="a")
    anna(s, update("project", P1, title_en=("a", "b")))
    theirs = s.change_set(1, update("project", P1, title_en=("a", "c")))
    opened = s.conflict(theirs, P1, "field", field="title_en", before='"a"', other='"b"', kept_by=BO, other_by=ANNA, other_version=2)
    s.deliver(BO, (theirs, [updated("project", P1, title_en="c"), opened]))

    s = project("merge-latest-earlier", FIELDS, "An edit made earlier waits in a conflict, though it arrived later.", title_en="a")
    anna(s, update("project", P1, title_en=("a", "b")), time=str(START + 2500))
    theirs = s.change_set(1, update("project", P1, title_en=("a", "c")), time=str(START + 2200))
    opened = s.conflict(theirs, P1, "field", field="title_en", before='"a"', other='"c"', kept_by=ANNA, other_by=BO, other_version=3)
    s.deliver(BO, (theirs, [updated("project", P1, title_en="b"), opened]))

    s = project("merge-latest-tie", "merge.md#edit-time", "A tie of edit times: the later version is the later.", title_en="a")
    anna(s, update("project", P1, title_en=("a", "b")), time=str(START + 2500))
    theirs = s.change_set(1, update("project", P1, title_en=("a", "c")), time=str(START + 2500))
    opened = s.conflict(theirs, P1, "field", field="title_en", before='"a"', other='"b"', kept_by=BO, other_by=ANNA, other_version=2)
    s.deliver(BO, (theirs, [updated("project", P1, title_en="c"), opened]))

    s = project("merge-clock-ahead", "merge.md#edit-time", "A clock that is a year ahead: times are counted back from the receipt.", title_en="a")
    year = 365 * 86_400_000
    anna(s, update("project", P1, title_en=("a", "b")), time=str(START + 2500))
    theirs = s.change_set(1, update("project", P1, title_en=("a", "c")), time=str(START + 2200 + year))
    opened = s.conflict(theirs, P1, "field", field="title_en", before='"a"', other='"c"', kept_by=ANNA, other_by=BO, other_version=3)
    s.deliver(BO, (theirs, [updated("project", P1, title_en="b"), opened]), at=START + 4000, sent=START + 4000 + year)

    s = project(
        "merge-clock-in-2099",
        "merge.md#edit-time",
        "An edit is not after its acceptance: a time from 2099 wins no more than any later edit.",
        title_en="a",
    )
    anna(s, update("project", P1, title_en=("a", "b")), time="4070908800000")
    theirs = s.change_set(1, update("project", P1, title_en=("a", "c")), time=str(START + 3500))
    opened = s.conflict(theirs, P1, "field", field="title_en", before='"a"', other='"b"', kept_by=BO, other_by=ANNA, other_version=2)
    s.deliver(BO, (theirs, [updated("project", P1, title_en="c"), opened]))

    for name, comment, since, earlier in (
        ("merge-clock-back-base", "A clock that went back to 1970: an edit is not before the acceptance of its base.", 2, 2100),
        ("merge-clock-back-own", "A clock that went back to 1970: an edit is not before its replica's earlier ones.", 1, 2800),
    ):
        s = project(name, "merge.md#edit-time", comment, title_en="a", progress=1)
        s.deliver(BO, (s.change_set(1, update("project", P1, progress=(1, 2)), time=str(START + earlier)), "applied"))
        s.deliver(BO, (s.change_set(since, update("project", P1, title_en=("a", "b")), time="0"), "applied"))
        mine = s.change_set(1, update("project", P1, title_en=("a", "c")), time=str(START + 2500))
        opened = s.conflict(mine, P1, "field", field="title_en", before='"a"', other='"c"', kept_by=BO, other_by=ANNA, other_version=4)
        s.deliver(ANNA, (mine, [updated("project", P1, title_en="b"), opened]))

    s = project(
        "merge-latest-equal", FIELDS, "Equal values agree, and the second author is a writer too: who has not seen it is concurrent.", title_en="a"
    )
    anna(s, update("project", P1, title_en=("a", "b")))
    s.deliver(BO, (s.change_set(1, update("project", P1, title_en=("a", "b"))), "applied"))
    mine = s.change_set(2, update("project", P1, title_en=("b", "d")))
    opened = s.conflict(mine, P1, "field", field="title_en", before='"b"', other='"b"', kept_by=ANNA, other_by=BO, other_version=3)
    s.deliver(ANNA, (mine, [updated("project", P1, title_en="d"), opened]))

    s = project("merge-latest-seen", FIELDS, "An edit is not concurrent with what its author had seen.", title_en="a")
    anna(s, update("project", P1, title_en=("a", "b")))
    s.deliver(BO, (s.change_set(2, update("project", P1, title_en=("b", "c"))), "applied"))

    s = project("merge-latest-keep", FIELDS, "A keep is an edit: who had not seen it opens a conflict.", title_en="a")
    anna(s, update("project", P1, title_en=("a", "a")))
    theirs = s.change_set(1, update("project", P1, title_en=("a", "c")))
    opened = s.conflict(theirs, P1, "field", field="title_en", before='"a"', other='"a"', kept_by=BO, other_by=ANNA, other_version=2)
    s.deliver(BO, (theirs, [updated("project", P1, title_en="c"), opened]))

    s = project("merge-other-fields", FIELDS, "Edits of other fields of one record both hold.", title_en="a", progress=1)
    anna(s, update("project", P1, title_en=("a", "b")))
    s.deliver(BO, (s.change_set(1, update("project", P1, progress=(1, 2))), "applied"))


def review() -> None:
    s = project("merge-review", FIELDS, "What is there stays; the later arrival is a proposal.", start="2026")
    anna(s, update("project", P1, start=("2026", "2027")))
    theirs = s.change_set(1, update("project", P1, start=("2026", "2028")))
    opened = s.conflict(theirs, P1, "proposal", field="start", before='"2026"', other='"2028"', kept_by=ANNA, other_by=BO, other_version=3)
    s.deliver(BO, (theirs, [updated("project", P1, start="2027"), opened]))

    s = project("merge-review-clear", FIELDS, "A proposal to clear the field: the other value is null.", start="2026")
    anna(s, update("project", P1, start=("2026", "2027")))
    theirs = s.change_set(1, update("project", P1, start=("2026", None)))
    opened = s.conflict(theirs, P1, "proposal", field="start", before='"2026"', kept_by=ANNA, other_by=BO, other_version=3)
    s.deliver(BO, (theirs, [updated("project", P1, start="2027"), opened]))

    s = project(
        "merge-review-equal", FIELDS, "Equal values agree, and the second author is a writer too: who has not seen it is concurrent.", start="2026"
    )
    anna(s, update("project", P1, start=("2026", "2027")))
    s.deliver(BO, (s.change_set(1, update("project", P1, start=("2026", "2027"))), "applied"))
    mine = s.change_set(2, update("project", P1, start=("2027", "2029")))
    opened = s.conflict(mine, P1, "proposal", field="start", before='"2027"', other='"2029"', kept_by=BO, other_by=ANNA, other_version=4)
    s.deliver(ANNA, (mine, [updated("project", P1, start="2027"), opened]))

    s = project("merge-review-keep", FIELDS, "A keep is an edit: it stays, and the value of who had not seen it is a proposal.", start="2026")
    anna(s, update("project", P1, start=("2026", "2026")))
    theirs = s.change_set(1, update("project", P1, start=("2026", "2028")))
    opened = s.conflict(theirs, P1, "proposal", field="start", before='"2026"', other='"2028"', kept_by=ANNA, other_by=BO, other_version=3)
    s.deliver(BO, (theirs, [updated("project", P1, start="2026"), opened]))


def texts() -> None:
    text = "merge.md#text"
    s = project("merge-text", text, "Edits of different lines both hold.", summary="one\ntwo\nthree\n")
    anna(s, update("project", P1, summary=("one\ntwo\nthree\n", "ONE\ntwo\nthree\n")))
    theirs = s.change_set(1, update("project", P1, summary=("one\ntwo\nthree\n", "one\ntwo\nTHREE\n")))
    s.deliver(BO, (theirs, [updated("project", P1, summary="ONE\ntwo\nTHREE\n")]))

    s = project(
        "merge-text-outbox",
        text,
        "The before-value of an edit is what its author saw, in the outbox too: merged with it as the base, both lines hold.",
        summary="one\ntwo\nthree\n",
    )
    anna(s, update("project", P1, summary=("one\ntwo\nthree\n", "ONE\ntwo\nthree\n")))
    first = s.change_set(1, update("project", P1, summary=("one\ntwo\nthree\n", "one\ntwo\nTHREE\n")))
    second = s.change_set(1, update("project", P1, summary=("one\ntwo\nTHREE\n", "one\ntwo\nTHREE!\n")), seen=[first])
    merged = [[updated("project", P1, summary=one)] for one in ("ONE\ntwo\nTHREE\n", "ONE\ntwo\nTHREE!\n")]
    s.deliver(BO, (first, merged[0]), (second, merged[1]))

    s = project(
        "merge-text-overlap", text, "Where words overlap the later edit's stay; the conflict holds the other's whole text.", summary="one two\nthree"
    )
    anna(s, update("project", P1, summary=("one two\nthree", "one 2\nthree")))
    theirs = s.change_set(1, update("project", P1, summary=("one two\nthree", "one zwei\nthree!")))
    opened = s.conflict(
        theirs, P1, "text", field="summary", before='"one two\\nthree"', other='"one 2\\nthree"', kept_by=BO, other_by=ANNA, other_version=2
    )
    s.deliver(BO, (theirs, [updated("project", P1, summary="one zwei\nthree!"), opened]))

    s = project(
        "merge-text-overlap-earlier",
        text,
        "An edit made earlier gives way where words overlap, though it arrived later; its whole text waits in a conflict.",
        summary="one two\nthree",
    )
    anna(s, update("project", P1, summary=("one two\nthree", "one 2\nthree")), time=str(START + 2500))
    theirs = s.change_set(1, update("project", P1, summary=("one two\nthree", "one zwei\nthree!")), time=str(START + 2200))
    opened = s.conflict(
        theirs, P1, "text", field="summary", before='"one two\\nthree"', other='"one zwei\\nthree!"', kept_by=ANNA, other_by=BO, other_version=3
    )
    s.deliver(BO, (theirs, [updated("project", P1, summary="one 2\nthree!"), opened]))

    s = project("merge-text-put-back", text, "An unseen writer put the text back as the before-value has it: they meant it to stay.", summary="a")
    anna(s, update("project", P1, summary=("a", "b")))
    anna(s, update("project", P1, summary=("b", "a")), since=2)
    theirs = s.change_set(1, update("project", P1, summary=("a", "c")))
    opened = s.conflict(theirs, P1, "text", field="summary", before='"a"', other='"a"', kept_by=BO, other_by=ANNA, other_version=3)
    s.deliver(BO, (theirs, [updated("project", P1, summary="c"), opened]))

    s = project("merge-text-keep", text, "An unseen writer kept the text as the before-value has it: they meant it to stay, too.", summary="a")
    anna(s, update("project", P1, summary=("a", "a")))
    theirs = s.change_set(1, update("project", P1, summary=("a", "c")))
    opened = s.conflict(theirs, P1, "text", field="summary", before='"a"', other='"a"', kept_by=BO, other_by=ANNA, other_version=2)
    s.deliver(BO, (theirs, [updated("project", P1, summary="c"), opened]))

    s = project("merge-text-empty", text, "Where nothing is concurrent the empty text is set like any other.", title_en="x")
    anna(s, update("project", P1, summary=(None, "")))
    anna(s, update("project", P1, summary=("", None)), since=2)

    s = project("merge-text-cleared", text, "Bo clears to null what Anna shortened: an overlap; the empty result is null.", summary="a\nb\n")
    anna(s, update("project", P1, summary=("a\nb\n", "b\n")))
    theirs = s.change_set(1, update("project", P1, summary=("a\nb\n", None)))
    opened = s.conflict(theirs, P1, "text", field="summary", before='"a\\nb\\n"', other='"b\\n"', kept_by=BO, other_by=ANNA, other_version=2)
    s.deliver(BO, (theirs, [updated("project", P1, summary=None), opened]))


def sets_and_numbers() -> None:
    s = project("merge-set", FIELDS, "Additions and removals of both hold.", tags=["a", "b"])
    anna(s, update("project", P1, tags=(["a", "b"], ["a", "c"])))
    theirs = s.change_set(1, update("project", P1, tags=(["a", "b"], ["b", "d"])))
    s.deliver(BO, (theirs, [updated("project", P1, tags=["c", "d"])]))

    s = project("merge-set-addition-wins", FIELDS, "Anna takes out what she knows of; Bo's addition of the same element stays.", title_en="a")
    anna(s, update("project", P1, tags=([], ["x"])))
    s.deliver(BO, (s.change_set(1, update("project", P1, tags=([], ["x"]))), "applied"))
    s.deliver(ANNA, (s.change_set(2, update("project", P1, tags=(["x"], []))), [updated("project", P1, tags=["x"])]))

    s = task("merge-counter", FIELDS, "Increments add up, also when the results look equal.", spent_h=3)
    anna(s, update("task", T1, spent_h=(3, 5)))
    s.deliver(BO, (s.change_set(1, update("task", T1, spent_h=(3, 5))), [updated("task", T1, spent_h=7)]))

    s = task(
        "merge-counter-start",
        FIELDS,
        "Two inserts of one id: the first start stays, the other opens a conflict; nothing is counted twice.",
        spent_h=3,
    )
    theirs = s.change_set(0, insert("task", T1, spent_h=5))
    opened = s.conflict(theirs, T1, "field", field="spent_h", before="0", other="5", kept_by=ANNA, other_by=BO, other_version=2)
    s.deliver(BO, (theirs, [updated("task", T1, spent_h=3), opened]))

    def starts(name: str, comment: str) -> tuple[Scenario, str]:
        """Anna's start 5 stays as version 1, Bo's 7 waits since version 2."""
        made = task(name, FIELDS, comment, spent_h=5)
        other = made.change_set(0, insert("task", T1, spent_h=7))
        waits = made.conflict(other, T1, "field", field="spent_h", before="0", other="7", kept_by=ANNA, other_by=BO, other_version=2)
        made.deliver(BO, (other, [updated("task", T1, spent_h=5), waits]))
        return made, waits["record"]

    s, row = starts("merge-counter-choice-same", "Two settle a counter's conflict by the same choice: it is not added twice.")
    anna(s, update("task", T1, spent_h=(5, 7)), settle(row), since=2)
    s.deliver(BO, (s.change_set(2, update("task", T1, spent_h=(5, 7)), settle(row)), "applied"))

    s, row = starts("merge-counter-choice-other", "Two settle it otherwise: the first choice stays, the second opens a conflict.")
    anna(s, update("task", T1, spent_h=(5, 7)), settle(row), since=2)
    theirs = s.change_set(2, update("task", T1, spent_h=(5, 5)), settle(row))
    opened = s.conflict(theirs, T1, "field", field="spent_h", before="5", other="5", kept_by=ANNA, other_by=BO, other_version=4)
    s.deliver(BO, (theirs, [updated("task", T1, spent_h=7), opened, closed(row)]))

    s, row = starts("merge-counter-choice-steps", "What others add counts beside the choice; a settler who has seen it chooses anew.")
    anna(s, update("task", T1, spent_h=(5, 7)), settle(row), since=2)
    s.deliver(BO, (s.change_set(2, update("task", T1, spent_h=(5, 8))), [updated("task", T1, spent_h=10)]))
    s.deliver(BO, (s.change_set(4, update("task", T1, spent_h=(10, 9)), settle(row)), "applied"))

    s = project("merge-max", FIELDS, "Of concurrent edits the larger is kept, by the order of the enum's values.", title_en="a")
    anna(s, update("project", P1, sensitivity=("internal", "restricted")))
    theirs = s.change_set(1, update("project", P1, sensitivity=("internal", "open")))
    s.deliver(BO, (theirs, [updated("project", P1, sensitivity="restricted")]))

    s = project(
        "merge-max-unseen-lowering",
        FIELDS,
        "An edit that no longer stands counts too: Bo has not seen that Anna raised and lowered it.",
        title_en="a",
    )
    anna(s, update("project", P1, sensitivity=("internal", "restricted")))
    anna(s, update("project", P1, sensitivity=("restricted", "internal")), since=2)
    theirs = s.change_set(1, update("project", P1, sensitivity=("internal", "open")))
    s.deliver(BO, (theirs, [updated("project", P1, sensitivity="internal")]))

    s = task("merge-min", FIELDS, "Of concurrent edits the smaller is kept.", done_at="2026-05")
    anna(s, update("task", T1, done_at=("2026-05", "2026-03")))
    theirs = s.change_set(1, update("task", T1, done_at=("2026-05", "2026-04")))
    s.deliver(BO, (theirs, [updated("task", T1, done_at="2026-03")]))

    s = project("merge-insert-twice", FIELDS, "An insert whose id exists is an update from the defaults.", title_en="Water", progress=5)
    theirs = s.change_set(0, insert("project", P1, title_en="Vand", tags=["x"]))
    opened = s.conflict(theirs, P1, "field", field="title_en", other='"Water"', kept_by=BO, other_by=ANNA, other_version=1)
    s.deliver(BO, (theirs, [updated("project", P1, tags=["x"], title_en="Vand"), opened]))


# --- What was seen --------------------------------------------------------------------------------


def seen() -> None:
    where = "merge.md#seen"
    s = project("merge-seen-outbox", where, "What lay in the author's outbox was seen.", title_en="a")
    first = s.change_set(1, update("project", P1, title_en=("a", "b")))
    second = s.change_set(1, update("project", P1, title_en=("b", "c")), seen=[first])
    s.deliver(BO, (first, "applied"), (second, "applied"))

    s = project("merge-seen-through-rejected", where, "The chain of what was seen leads through a rejected change set.", title_en="a")
    first = s.change_set(1, update("project", P1, title_en=("a", "b")))
    bad = s.change_set(1, insert("project", P2, progress=500), seen=[first])
    third = s.change_set(1, update("project", P1, title_en=("b", "c")), seen=[bad])
    s.deliver(BO, (first, "applied"), (bad, "invalid_value"), (third, "applied"))

    s = project("merge-seen-through-deferred", where, "The chain of what was seen leads through a deferred change set.", title_en="a")
    first = s.change_set(1, update("project", P1, title_en=("a", "b")))
    newer = s.change_set(1, insert("project", P2, title_en="x", moon="full"), seen=[first], schema="2")
    third = s.change_set(1, update("project", P1, title_en=("b", "c")), seen=[newer])
    s.deliver(BO, (first, "applied"), (newer, "schema_newer"), (third, "applied"))

    s = project(
        "merge-seen-through-links", "sync.md#links", "The chain of what was seen leads through what never came: its link stands in.", title_en="a"
    )
    first = s.change_set(1, update("project", P1, title_en=("a", "b")))
    never = s.change_set(1, insert("project", P2, title_en="x"), seen=[first])
    third = s.change_set(1, update("project", P1, title_en=("b", "c")), seen=[never])
    links = [{"hash": change_set_hash(never).hex(), "seen": never["seen"]}]
    s.deliver(BO, (first, "applied"), (third, "applied"), links=links, numbers=[1, 3])

    s = project("merge-field-base", "model.md#bases", "A field's own base says that its author had seen less of it than of the rest.", title_en="a")
    anna(s, update("project", P1, title_en=("a", "b")))
    theirs = s.change_set(2, operation("update", "project", P1, edit("title_en", "a", "c", base=base(1))))
    opened = s.conflict(theirs, P1, "field", field="title_en", before='"a"', other='"b"', kept_by=BO, other_by=ANNA, other_version=2)
    s.deliver(BO, (theirs, [updated("project", P1, title_en="c"), opened]))

    s = project("merge-base-of-another-epoch", where, "A base of another epoch says nothing of this history.", title_en="a")
    theirs = s.change_set(1, update("project", P1, title_en=("a", "c")), base=base(99, OTHER_EPOCH))
    opened = s.conflict(theirs, P1, "field", field="title_en", before='"a"', other='"a"', kept_by=BO, other_by=ANNA, other_version=1)
    s.deliver(BO, (theirs, [updated("project", P1, title_en="c"), opened]))


# --- Records --------------------------------------------------------------------------------------

RECORDS = "merge.md#records"


def deletions() -> None:
    s = project("merge-delete", RECORDS, "Its author had seen every edit: the deletion takes effect.", title_en="a")
    anna(s, update("project", P1, title_en=("a", "b")))
    s.deliver(BO, (s.change_set(2, delete("project", P1)), "applied"))

    s = project("merge-delete-against-edit", RECORDS, "An unseen edit: the record stays, and a conflict says who wanted it gone.", title_en="a")
    anna(s, update("project", P1, title_en=("a", "b")))
    theirs = s.change_set(1, delete("project", P1))
    opened = s.conflict(theirs, P1, "deleted", kept_by=ANNA, other_by=BO)
    s.deliver(BO, (theirs, [updated("project", P1), opened]))

    s = project("merge-delete-against-keep", RECORDS, "A keep of the record is an edit of it.", title_en="a")
    anna(s, update("project", P1))
    theirs = s.change_set(1, delete("project", P1))
    opened = s.conflict(theirs, P1, "deleted", kept_by=ANNA, other_by=BO)
    s.deliver(BO, (theirs, [updated("project", P1), opened]))

    s = project(
        "merge-delete-against-proposal", RECORDS, "An unseen edit counts also where its value does not stand, but waits in a conflict.", start="2026"
    )
    anna(s, update("project", P1, start=("2026", "2027")))
    theirs = s.change_set(1, update("project", P1, start=("2026", "2028")))
    waits = s.conflict(theirs, P1, "proposal", field="start", before='"2026"', other='"2028"', kept_by=ANNA, other_by=BO, other_version=3)
    s.deliver(BO, (theirs, [updated("project", P1, start="2027"), waits]))
    mine = s.change_set(2, delete("project", P1))
    opened = s.conflict(mine, P1, "deleted", kept_by=BO, other_by=ANNA)
    s.deliver(ANNA, (mine, [updated("project", P1), opened]))

    s = task("merge-delete-against-counter", RECORDS, "So does an unseen increment, though it is no writer of the value.", spent_h=3)
    anna(s, update("task", T1, spent_h=(3, 5)))
    theirs = s.change_set(1, delete("task", T1))
    opened = s.conflict(theirs, T1, "deleted", kept_by=ANNA, other_by=BO)
    s.deliver(BO, (theirs, [updated("task", T1), opened]))

    s = project("merge-delete-against-set", RECORDS, "So does an unseen removal from a set, of which no addition is left.", tags=["a"])
    anna(s, update("project", P1, tags=(["a"], [])))
    theirs = s.change_set(1, delete("project", P1))
    opened = s.conflict(theirs, P1, "deleted", kept_by=ANNA, other_by=BO)
    s.deliver(BO, (theirs, [updated("project", P1), opened]))

    s = project("merge-delete-with-field-base", "model.md#bases", "The deletion gives the base of a field that a pending edit hid.", title_en="a")
    anna(s, update("project", P1, title_en=("a", "b")))
    theirs = s.change_set(2, delete("project", P1, title_en=1))
    opened = s.conflict(theirs, P1, "deleted", kept_by=ANNA, other_by=BO)
    s.deliver(BO, (theirs, [updated("project", P1), opened]))

    s = project(
        "merge-edit-against-delete",
        RECORDS,
        "An edit brings the record back with its last values, and a conflict says who deleted it.",
        title_en="a",
        progress=5,
    )
    anna(s, delete("project", P1))
    theirs = s.change_set(1, update("project", P1, title_en=("a", "b")))
    opened = s.conflict(theirs, P1, "deleted", kept_by=BO, other_by=ANNA)
    s.deliver(BO, (theirs, [live("project", P1, progress=5, title_en="b"), opened]))

    s = project(
        "merge-edit-of-deleted", RECORDS, "So does one whose author had seen the deletion: an update is no restore.", title_en="a", progress=5
    )
    anna(s, delete("project", P1))
    theirs = s.change_set(2, update("project", P1, title_en=("a", "b")))
    opened = s.conflict(theirs, P1, "deleted", kept_by=BO, other_by=ANNA)
    s.deliver(BO, (theirs, [live("project", P1, progress=5, title_en="b"), opened]))

    s = project("merge-restore", RECORDS, "A restore of what its author had seen deleted opens nothing.", title_en="a", progress=5)
    anna(s, delete("project", P1))
    s.deliver(BO, (s.change_set(2, restore("project", P1)), [live("project", P1, progress=5, title_en="a")]))

    s = project("merge-restore-and-update", RECORDS, "Two operations on one record are one effect.", title_en="a", progress=5)
    anna(s, delete("project", P1))
    both = s.change_set(2, restore("project", P1), update("project", P1, title_en=("a", "b")))
    s.deliver(BO, (both, [live("project", P1, progress=5, title_en="b")]))

    s = project("merge-restore-unseen", RECORDS, "Bo restores what he deleted himself; that Anna deleted it first he had not seen.", title_en="a")
    anna(s, delete("project", P1))
    gone = s.change_set(1, delete("project", P1))
    back = s.change_set(1, restore("project", P1), seen=[gone])
    s.deliver(BO, (gone, "applied"))
    opened = s.conflict(back, P1, "deleted", kept_by=BO, other_by=ANNA)
    s.deliver(BO, (back, [live("project", P1, title_en="a"), opened]))

    s = project(
        "merge-insert-of-deleted", RECORDS, "An insert whose author had seen the deletion is a restore and an update.", title_en="a", progress=5
    )
    anna(s, delete("project", P1))
    s.deliver(BO, (s.change_set(2, insert("project", P1, title_en="x")), [live("project", P1, progress=5, title_en="x")]))

    s = project(
        "merge-insert-unseen-deletion",
        RECORDS,
        "An insert whose author had not seen the deletion brings the record back too, and a conflict says who deleted it.",
        title_en="a",
        progress=5,
    )
    anna(s, delete("project", P1))
    theirs = s.change_set(1, insert("project", P1, title_en="x"))
    opened = s.conflict(theirs, P1, "deleted", kept_by=BO, other_by=ANNA)
    s.deliver(BO, (theirs, [live("project", P1, progress=5, title_en="x"), opened]))

    s = project("merge-delete-then-update", RECORDS, "One change set deletes the record and writes it: it stays, without a conflict.", title_en="a")
    both = s.change_set(1, delete("project", P1), update("project", P1, progress=(None, 1)))
    s.deliver(ANNA, (both, [updated("project", P1, progress=1)]))


def parents() -> None:
    s = project("merge-child-of-deleted-parent", RECORDS, "A child written concurrently brings its parent back.", title_en="a")
    anna(s, delete("project", P1))
    theirs = s.change_set(1, insert("task", T1, project=P1, title="t"))
    opened = s.conflict(theirs, P1, "parent", kept_by=BO, other_by=ANNA)
    s.deliver(BO, (theirs, [live("task", T1, project=P1, title="t"), live("project", P1, title_en="a"), opened]))

    s = project("merge-parent-of-deleted-parent", RECORDS, "The parent that comes back has a deleted parent: that comes back, too.", title_en="a")
    anna(s, insert("task", T1, project=P1, title="t"))
    anna(s, delete("task", T1), delete("project", P1), since=2)
    theirs = s.change_set(2, insert("document", T2, record=T1, title="d"))
    parent = s.conflict(theirs, T1, "parent", kept_by=BO, other_by=ANNA)
    grandparent = s.conflict(theirs, P1, "parent", kept_by=ANNA, other_by=ANNA)
    back = [live("task", T1, project=P1, title="t"), parent, live("project", P1, title_en="a"), grandparent]
    s.deliver(BO, (theirs, [live("document", T2, record=T1, title="d"), *back]))

    s = project(
        "merge-parent-of-unseen-child",
        RECORDS,
        "A deletion of the parent alone, over a child that its author had not seen: the parent stays.",
        title_en="a",
    )
    anna(s, insert("task", T1, project=P1, title="t"))
    theirs = s.change_set(1, delete("project", P1))
    opened = s.conflict(theirs, P1, "parent", kept_by=ANNA, other_by=BO)
    s.deliver(BO, (theirs, [updated("project", P1), opened]))

    s = project("merge-delete-with-children", RECORDS, "Parent and children go in one change set, in any order.", title_en="a")
    anna(s, insert("task", T1, project=P1), insert("task", T2, project=P1))
    theirs = s.change_set(2, delete("task", T1), delete("project", P1), delete("task", T2))
    s.deliver(BO, (theirs, "applied"))

    s = project(
        "merge-edited-child-of-deleted-parent",
        RECORDS,
        "The child that Anna edits comes back, and with it the parent; the other child stays deleted.",
        title_en="a",
    )
    anna(s, insert("task", T1, project=P1, title="t"), insert("task", T2, project=P1))
    s.deliver(BO, (s.change_set(2, delete("project", P1), delete("task", T1), delete("task", T2)), "applied"))
    mine = s.change_set(2, update("task", T1, title=("t", "u")))
    child = s.conflict(mine, T1, "deleted", kept_by=ANNA, other_by=BO)
    parent = s.conflict(mine, P1, "parent", kept_by=ANNA, other_by=BO)
    s.deliver(ANNA, (mine, [live("task", T1, project=P1, title="u"), child, live("project", P1, title_en="a"), parent]))


def uniques() -> None:
    s = project("merge-unique", RECORDS, "A unique text taken twice: the later record gets a suffix.", code="X")
    theirs = s.change_set(0, insert("project", P2, code="X"))
    opened = s.conflict(theirs, P2, "unique", field="code", other='"X"', kept_by=BO, other_by=BO)
    s.deliver(BO, (theirs, [live("project", P2, code="X~2"), opened]))

    long = "x" * 200
    s = project(
        "merge-unique-beyond-limit", "merge.md#effects", "A suffix may take a text beyond its limit: limits bound what is authored.", code=long
    )
    theirs = s.change_set(0, insert("project", P2, code=long))
    opened = s.conflict(theirs, P2, "unique", field="code", other=f'"{long}"', kept_by=BO, other_by=BO)
    s.deliver(BO, (theirs, [live("project", P2, code=long + "~2"), opened]))

    s = project("merge-unique-suffix-taken", RECORDS, "The first free suffix.", code="X")
    anna(s, insert("project", P2, code="X~2"))
    theirs = s.change_set(0, insert("project", P3, code="X"))
    opened = s.conflict(theirs, P3, "unique", field="code", other='"X"', kept_by=BO, other_by=BO)
    s.deliver(BO, (theirs, [live("project", P3, code="X~3"), opened]))

    s = scenario("merge-unique-in-one", RECORDS, "Two records of one change set: the first touched keeps the text.")
    both = s.change_set(0, insert("project", P1, code="X"), insert("project", P2, code="X"))
    opened = s.conflict(both, P2, "unique", field="code", other='"X"', kept_by=ANNA, other_by=ANNA)
    s.deliver(ANNA, (both, [live("project", P1, code="X"), live("project", P2, code="X~2"), opened]))

    s = project("merge-unique-update", RECORDS, "An update to a text that another record holds.", code="X")
    anna(s, insert("project", P2, code="Y"))
    theirs = s.change_set(2, update("project", P2, code=("Y", "X")))
    opened = s.conflict(theirs, P2, "unique", field="code", other='"X"', kept_by=BO, other_by=BO)
    s.deliver(BO, (theirs, [updated("project", P2, code="X~2"), opened]))

    s = project("merge-unique-brought-back", RECORDS, "A record that comes back finds its text taken.", code="X")
    anna(s, delete("project", P1))
    anna(s, insert("project", P2, code="X"), since=2)
    back = s.change_set(3, restore("project", P1))
    opened = s.conflict(back, P1, "unique", field="code", other='"X"', kept_by=BO, other_by=BO)
    s.deliver(BO, (back, [live("project", P1, code="X~2"), opened]))

    s = project("merge-unique-of-parent", RECORDS, "A parent that its child brings back finds its text taken, too.", code="X")
    anna(s, delete("project", P1))
    anna(s, insert("project", P2, code="X"), since=2)
    theirs = s.change_set(1, insert("task", T1, project=P1, title="t"))
    parent = s.conflict(theirs, P1, "parent", kept_by=BO, other_by=ANNA)
    unique = s.conflict(theirs, P1, "unique", field="code", other='"X"', kept_by=BO, other_by=BO)
    s.deliver(BO, (theirs, [live("task", T1, project=P1, title="t"), live("project", P1, code="X~2"), parent, unique]))


# --- Conflicts ------------------------------------------------------------------------------------


def conflicting(name: str, where: str, comment: str) -> tuple[Scenario, str]:
    """Version 3 keeps Bo's `c`; the conflict holds Anna's `b`."""
    s = project(name, where, comment, title_en="a")
    anna(s, update("project", P1, title_en=("a", "b")))
    theirs = s.change_set(1, update("project", P1, title_en=("a", "c")))
    opened = s.conflict(theirs, P1, "field", field="title_en", before='"a"', other='"b"', kept_by=BO, other_by=ANNA, other_version=2)
    s.deliver(BO, (theirs, [updated("project", P1, title_en="c"), opened]))
    return s, opened["record"]


def conflicts() -> None:
    s, row = conflicting(
        "merge-latest-three", "merge.md#conflicts", "A field may have several conflicts: each holds one other value, and is settled by itself."
    )
    third = s.change_set(1, update("project", P1, title_en=("a", "d")))
    opened = s.conflict(third, P1, "field", field="title_en", before='"a"', other='"c"', kept_by=BO, other_by=BO, other_version=3)
    s.deliver(BO, (third, [updated("project", P1, title_en="d"), opened]), replica=replica(BO)[:-1] + "9")
    anna(s, update("project", P1, title_en=("d", "b")), settle(row), since=4)

    where = "merge.md#settling"
    s, row = conflicting("merge-settle-take", where, "Taking the other value, and settling, in one change set.")
    anna(s, update("project", P1, title_en=("c", "b")), settle(row), since=3)

    s, row = conflicting("merge-settle-keep", where, "A keep makes the settler a writer: Bo, who had not seen it, opens a new conflict.")
    anna(s, update("project", P1, title_en=("c", "c")), settle(row), since=3)
    theirs = s.change_set(3, update("project", P1, title_en=("c", "b")), settle(row))
    opened = s.conflict(theirs, P1, "field", field="title_en", before='"c"', other='"c"', kept_by=BO, other_by=ANNA, other_version=4)
    s.deliver(BO, (theirs, [updated("project", P1, title_en="b"), opened, closed(row)]))

    s, row = conflicting("merge-settle-by-deleting", where, "Deleting a conflict settles it: the row stays.")
    anna(s, delete("conflict", row), since=3, expected=[closed(row)])

    s, row = conflicting("merge-settle-again", where, "Settling what is settled changes nothing.")
    anna(s, settle(row), since=3)
    s.deliver(BO, (s.change_set(3, settle(row)), "applied"))

    s = project(
        "merge-settle-elsewhere",
        where,
        "A conflict that this history does not have, as after a restore: settling it does nothing, and the rest of the change set counts.",
        title_en="a",
    )
    gone = s.conflict(s.change_set(1, update("project", P1, title_en=("a", "x"))), P1, "deleted")["record"]
    anna(s, update("project", P1, title_en=("a", "b")), settle(gone), expected=[updated("project", P1, title_en="b")])
    s.deliver(BO, (s.change_set(2, delete("conflict", gone)), []))

    s = project("merge-settle-deletion", where, "Taking a deletion: the record goes, and the conflict is settled.", title_en="a")
    anna(s, update("project", P1, title_en=("a", "b")))
    theirs = s.change_set(1, delete("project", P1))
    opened = s.conflict(theirs, P1, "deleted", kept_by=ANNA, other_by=BO)
    s.deliver(BO, (theirs, [updated("project", P1), opened]))
    anna(s, delete("project", P1), settle(opened["record"]), since=3)

    s = project(
        "merge-continue-other",
        "merge.md#fields",
        "Bo goes on from his own value that waits in a conflict: it is settled, and the new value meets the field.",
        title_en="a",
    )
    anna(s, update("project", P1, title_en=("a", "b")), time=str(START + 2500))
    first = s.change_set(1, update("project", P1, title_en=("a", "c")), time=str(START + 2200))
    second = s.change_set(1, update("project", P1, title_en=("c", "d")), time=str(START + 2800), seen=[first])
    waits = s.conflict(first, P1, "field", field="title_en", before='"a"', other='"c"', kept_by=ANNA, other_by=BO, other_version=3)
    s.deliver(BO, (first, [updated("project", P1, title_en="b"), waits]))
    opened = s.conflict(second, P1, "field", field="title_en", before='"c"', other='"b"', kept_by=BO, other_by=ANNA, other_version=2)
    s.deliver(BO, (second, [updated("project", P1, title_en="d"), closed(waits["record"]), opened]))

    s = project("merge-continue-proposal", "merge.md#fields", "Bo goes on from his proposal: the new one takes its place.", start="2026")
    anna(s, update("project", P1, start=("2026", "2027")))
    first = s.change_set(1, update("project", P1, start=("2026", "2028")))
    second = s.change_set(1, update("project", P1, start=("2028", "2029")), seen=[first])
    waits = s.conflict(first, P1, "proposal", field="start", before='"2026"', other='"2028"', kept_by=ANNA, other_by=BO, other_version=3)
    s.deliver(BO, (first, [updated("project", P1, start="2027"), waits]))
    opened = s.conflict(second, P1, "proposal", field="start", before='"2028"', other='"2029"', kept_by=ANNA, other_by=BO, other_version=4)
    s.deliver(BO, (second, [updated("project", P1, start="2027"), closed(waits["record"]), opened]))

    s = project(
        "merge-continue-text",
        "merge.md#fields",
        "Bo goes on from his text that waits in a conflict: it is settled. The merged text is not his new one, so that waits in turn.",
        summary="one two\nthree",
    )
    anna(s, update("project", P1, summary=("one two\nthree", "one 2\nthree")), time=str(START + 2500))
    first = s.change_set(1, update("project", P1, summary=("one two\nthree", "one zwei\nTHREE")), time=str(START + 2200))
    second = s.change_set(1, update("project", P1, summary=("one zwei\nTHREE", "one zwei\nTHREE!")), time=str(START + 2800), seen=[first])
    waits = s.conflict(
        first, P1, "text", field="summary", before='"one two\\nthree"', other='"one zwei\\nTHREE"', kept_by=ANNA, other_by=BO, other_version=3
    )
    s.deliver(BO, (first, [updated("project", P1, summary="one 2\nTHREE"), waits]))
    opened = s.conflict(
        second, P1, "text", field="summary", before='"one zwei\\nTHREE"', other='"one zwei\\nTHREE!"', kept_by=BO, other_by=BO, other_version=4
    )
    s.deliver(BO, (second, [updated("project", P1, summary="one 2\nTHREE!"), closed(waits["record"]), opened]))

    s = project("merge-continue-unique", "merge.md#fields", "Bo gives his record another code than the one that was taken.", code="X")
    first = s.change_set(1, insert("project", P2, code="X"))
    second = s.change_set(1, update("project", P2, code=("X", "Y")), seen=[first])
    waits = s.conflict(first, P2, "unique", field="code", other='"X"', kept_by=BO, other_by=BO)
    s.deliver(BO, (first, [live("project", P2, code="X~2"), waits]))
    s.deliver(BO, (second, [updated("project", P2, code="Y"), closed(waits["record"])]))

    s = project("merge-continue-unique-taken", "merge.md#fields", "His new code is taken, too: one conflict closes, another opens.", code="X")
    anna(s, insert("project", P3, code="Y"))
    first = s.change_set(2, insert("project", P2, code="X"))
    second = s.change_set(2, update("project", P2, code=("X", "Y")), seen=[first])
    waits = s.conflict(first, P2, "unique", field="code", other='"X"', kept_by=BO, other_by=BO)
    s.deliver(BO, (first, [live("project", P2, code="X~2"), waits]))
    opened = s.conflict(second, P2, "unique", field="code", other='"Y"', kept_by=BO, other_by=BO)
    s.deliver(BO, (second, [updated("project", P2, code="Y~2"), closed(waits["record"]), opened]))

    s, _ = conflicting(
        "merge-not-continued",
        "merge.md#fields",
        "Anna goes on from her value as the server gave it to her. It was not in her outbox, though another edit was: its conflict stays open.",
    )
    first = s.change_set(2, update("project", P1, progress=(None, 1)))
    second = s.change_set(2, update("project", P1, title_en=("b", "d")), seen=[first])
    s.deliver(ANNA, (first, "applied"))
    opened = s.conflict(second, P1, "field", field="title_en", before='"b"', other='"c"', kept_by=ANNA, other_by=BO, other_version=3)
    s.deliver(ANNA, (second, [updated("project", P1, title_en="d"), opened]))

    s = scenario("merge-effect-order", "merge.md#effects", "A conflict stands where it opens: between the records of two operations.")
    s.deliver(ANNA, (s.change_set(0, insert("project", P1, title_en="a"), insert("project", P2, title_en="p")), "applied"))
    anna(s, update("project", P1, title_en=("a", "b")))
    theirs = s.change_set(1, update("project", P1, title_en=("a", "c")), update("project", P2, title_en=("p", "q")))
    opened = s.conflict(theirs, P1, "field", field="title_en", before='"a"', other='"b"', kept_by=BO, other_by=ANNA, other_version=2)
    s.deliver(BO, (theirs, [updated("project", P1, title_en="c"), opened, updated("project", P2, title_en="q")]))


# --- Verdicts -------------------------------------------------------------------------------------

DELIVERIES = "sync.md#deliveries"


def verdicts() -> None:
    s = scenario("verdict-again", DELIVERIES, "A delivery that was judged gets its verdict again, accepted or rejected.")
    good, bad = s.change_set(0, insert("project", P1, title_en="a")), s.change_set(0, insert("project", P2, progress=500))
    s.deliver(ANNA, (good, "applied"), (bad, "invalid_value"))
    s.deliver(ANNA, (good, ("applied", 1)), (bad, "invalid_value"), numbers=[1, 2])

    s = scenario("verdict-under-another-name", DELIVERIES, "An id is accepted once, whoever brings it, and gets the verdict of then.")
    made = s.change_set(0, insert("project", P1, title_en="a"))
    s.deliver(ANNA, (made, "applied"))
    s.deliver(ANNA, (made, ("applied", 1)), replica=replica(ANNA)[:-1] + "9")
    s.deliver(BO, (made, ("applied", 1)))

    s = scenario("verdict-accepted-otherwise", DELIVERIES, "A known id with other content: a copied draft.")
    made = s.change_set(0, insert("project", P1, title_en="a"))
    s.deliver(ANNA, (made, "applied"))
    other = made | {"operations": [insert("project", P1, title_en="b")]}
    s.deliver(ANNA, (other, "accepted_otherwise"), replica=replica(ANNA)[:-1] + "9")

    for place, order in (("before", (1, 0)), ("after", (0, 1))):
        s = project(
            f"verdict-conflict-id-{place}",
            "merge.md#validation",
            f"A record with the id of the conflict that its change set opens, inserted {place} the edit.",
            title_en="a",
        )
        anna(s, update("project", P1, title_en=("a", "b")))
        theirs = s.change_set(1, update("project", P1, title_en=("a", "c")))
        foretold = s.conflict(theirs, P1, "field", field="title_en")["record"]
        both = [theirs["operations"][0], insert("project", foretold, title_en="boom")]
        theirs["operations"] = [both[one] for one in order]
        s.deliver(BO, (theirs, "invalid_value"))

    s = scenario("verdict-clash", DELIVERIES, "A number that carried another change set: nothing from it on is judged.")
    first, second, third, fourth = (s.change_set(0, insert("project", one, title_en="a")) for one in (P1, P2, P3, T1))
    s.deliver(ANNA, (first, "applied"), (second, "applied"))
    s.deliver(ANNA, (first, ("applied", 1)), (third, None), (fourth, None), numbers=[1, 2, 3], clash=2)

    s = scenario("verdict-clash-of-members", DELIVERIES, "A replica id belongs to the member who used it first.")
    s.deliver(ANNA, (s.change_set(0, insert("project", P1, title_en="a")), "applied"))
    s.deliver(BO, (s.change_set(0, insert("project", P2, title_en="b")), None), replica=replica(ANNA), numbers=[7], clash=7)

    s = scenario("verdict-numbers", DELIVERIES, "Numbers have gaps, and one that was not used may come later.")
    first, second, third = (s.change_set(0, insert("project", one, title_en="a")) for one in (P1, P2, P3))
    s.deliver(ANNA, (first, "applied"), (second, "applied"), numbers=[3, 7])
    s.deliver(ANNA, (third, "applied"), numbers=[5])

    s = scenario("verdict-role-too-low", DELIVERIES, "A viewer's edit is rejected; when she may edit, a retry under a new number is judged anew.")
    made = s.change_set(0, insert("project", P1, title_en="a"))
    s.deliver(ANNA, (made, "role_too_low"), role="viewer")
    s.deliver(ANNA, (made, "role_too_low"), numbers=[1])
    s.deliver(ANNA, (made, "applied"))

    s = scenario("verdict-depends-on-rejected", DELIVERIES, "What builds on a rejected change set goes with it, and so on; the others pass.")
    bad = s.change_set(0, insert("project", P1, progress=500))
    child = s.change_set(0, insert("task", T1, project=P1))
    grandchild = s.change_set(0, insert("task", T2, depends_on=[T1]))
    free = s.change_set(0, insert("project", P2, title_en="a"))
    s.deliver(ANNA, (bad, "invalid_value"), (child, "depends_on_rejected"), (grandchild, "depends_on_rejected"), (free, "applied"))

    s = scenario("verdict-deferred", DELIVERIES, "What only a newer schema has waits, with what builds on it; it is sent again under its number.")
    newer = s.change_set(0, insert("project", P1, title_en="a", moon="full"), schema="2")
    later = s.change_set(0, update("project", P1, title_en=("a", "b")))
    free = s.change_set(0, insert("project", P2, title_en="c"), schema="2")
    s.deliver(ANNA, (newer, "schema_newer"), (later, "depends_on_deferred"), (free, "applied"))
    s.deliver(ANNA, (newer, "schema_newer"), (later, "depends_on_deferred"), numbers=[1, 2])

    s = project("verdict-other-history", "sync.md#response", "A base in another history: nothing is judged.", title_en="a")
    made = s.change_set(1, insert("project", P2, title_en="b"))
    s.deliver(ANNA, (made, None), history_digest="ff" * 32)
    s.deliver(ANNA, (made, None), base=base(1, OTHER_EPOCH), numbers=[2])
    s.deliver(ANNA, (made, None), base=base(5), numbers=[2])
    s.deliver(ANNA, (made, "applied"), numbers=[2])


def faults() -> None:
    where = "merge.md#validation"

    def faulty(name: str, comment: str, *operations: Json, **values: Value) -> Scenario:
        """Each operation comes in an exchange of its own and is rejected; a sound one after them is applied."""
        s = project(name, where, comment, **values)
        for one in operations:
            s.deliver(ANNA, (s.change_set(1, one), "invalid_value"))
        s.deliver(ANNA, (s.change_set(1, insert("project", P3, title_en="sound")), "applied"))
        return s

    def fresh(**values: Value) -> Json:
        nonlocal made
        made += 1
        return insert("project", f"{P1[:-4]}{made:04x}", **values)

    made = 0x1000
    faulty(
        "verdict-invalid-values",
        "Values outside their type, values, bounds and formats, each in a change set of its own.",
        fresh(progress=101),
        fresh(progress=-1),
        fresh(progress="5"),
        fresh(title_en=5),
        fresh(status="unknown"),
        fresh(start="2026-13"),
        fresh(sdg=["18"]),
        fresh(tags=[""]),
        fresh(tags="a"),
        fresh(title_en="a\0b"),
        fresh(code="x" * 201),
        fresh(owner="not-an-id"),
        update("project", P1, status=("idea", None)),
        title_en="a",
    )
    faulty(
        "verdict-invalid-names",
        "Collections, fields and records that are not.",
        insert("nothing", P2, title_en="a"),
        fresh(nothing="a"),
        update("project", P2, title_en=("a", "b")),
        delete("project", T1),
        insert("task", P1, title="the id of a project"),
        fresh(programme=T1),
        fresh(programme=P1),
        title_en="a",
    )
    faulty(
        "verdict-invalid-shape",
        "What no kind of operation carries.",
        operation("insert", "project", P2, edit("title_en", "a", "b")),
        operation("insert", "project", P2, edit("status", None, "idea")),
        operation("restore", "project", P1, edit("title_en", "a", "b")),
        operation("delete", "project", P1, edit("title_en", "a", None)),
        operation("delete", "project", P1, edit("nothing", None, None)),
        operation("insert", "project", P2, base=base(1)),
        operation("update", "project", P1, edit("title_en", "a", "b"), base=base(0)),
        title_en="a",
    )

    s = scenario(
        "verdict-invalid-together", where, "What one change set inserts has a collection too: for its other operations, and for references."
    )
    for pair in (
        (insert("project", P1, programme=P2), insert("project", P2, title_en="a")),
        (insert("project", P1, title_en="a"), insert("task", P1, title="b")),
    ):
        s.deliver(ANNA, (s.change_set(0, *pair), "invalid_value"))
    s.deliver(ANNA, (s.change_set(0, insert("task", T1, project=P3), insert("project", P3, title_en="a")), "applied"))

    s = project("verdict-invalid-twice", where, "A field of one record is written twice in one change set.", title_en="a")
    twice = s.change_set(1, update("project", P1, title_en=("a", "b")), update("project", P1, title_en=("b", "c")))
    s.deliver(ANNA, (twice, "invalid_value"))

    s = project("verdict-invalid-deletion", where, "No deletion comes after another operation on its record.", title_en="a")
    for others in (
        (update("project", P1, title_en=("a", "b")), delete("project", P1)),
        (delete("project", P1), delete("project", P1)),
        (insert("project", P2, title_en="b"), delete("project", P2)),
    ):
        s.deliver(ANNA, (s.change_set(1, *others), "invalid_value"))

    s = scenario("verdict-invalid-empty", where, "A change set without operations.")
    s.deliver(ANNA, (s.change_set(0), "invalid_value"))

    s = project("verdict-invalid-base", where, "A base beyond the head.", title_en="a")
    s.deliver(ANNA, (s.change_set(2, update("project", P1, title_en=("a", "b"))), "invalid_value"))

    s = project(
        "verdict-invalid-form",
        where,
        "What has one form only: sets, texts in NFC, the order of fields, the seed, the schema's version, a base.",
        title_en="a",
    )
    other = s.change_set(1, update("project", P1, progress=(None, 1)))
    for operations, more in (
        ([insert("project", P2, tags=["b", "a"])], {}),
        ([insert("project", P2, tags=["a", "a"])], {}),
        ([insert("project", P2, title_en="e\u0301")], {}),
        ([insert("project", P2, tags=["e\u0301"])], {}),
        ([insert("project", P2) | {"fields": [edit("title_en", None, "a"), edit("progress", None, 1)]}], {}),
        ([insert("project", P2) | {"fields": [edit("progress", None, 1), edit("progress", None, 1)]}], {}),
        ([insert("project", P2)], {"seed": "AAECAwQFBgcICQoLDA0O"}),
        ([insert("project", P2)], {"message": "e\u0301"}),
        ([insert("project", P2)], {"message": "a\0b"}),
        ([insert("project", P2)], {"seen": [other, other]}),
        ([insert("project", P2)], {"schema": "0"}),
        ([insert("project", P2)], {"base": base(-1)}),
    ):
        s.deliver(ANNA, (s.change_set(1, *operations, **more), "invalid_value"))
    s.deliver(ANNA, (s.change_set(1, insert("project", P2)), "applied"))

    s = project("verdict-too-large", DELIVERIES, "A message beyond its limit; the change set beside it is judged.", title_en="a")
    large = s.change_set(1, update("project", P1, progress=(None, 1)), message="x" * 4001)
    s.deliver(ANNA, (large, "too_large"), (s.change_set(1, insert("project", P2)), "applied"))

    s, row = conflicting("verdict-invalid-conflict-edits", where, "Only the merge writes conflicts; people settle them, and nothing else.")
    edits = [
        update("conflict", row, status=("open", "open")),
        update("conflict", row, other=('"b"', '"x"')),
        update("conflict", row, other=('"b"', '"x"'), status=("open", "settled")),
        update("conflict", row),
        restore("conflict", row),
        insert("conflict", P2, collection="project", record=P1),
    ]
    for one in edits:
        s.deliver(ANNA, (s.change_set(3, one), "invalid_value"))


# --- Mending --------------------------------------------------------------------------------------


class Mending(Scenario):
    """The server's records come of its exchanges; the replica's are given."""

    def ask(self, version: int, records: list[Json], *buckets: tuple[int, list[Json]]) -> None:
        self.version, self.held, self.answered = version, records, buckets

    def document(self) -> Json:
        sums = Buckets()
        for one in self.held:
            sums.add(one["collection"], one["record"], {pair["field"]: _plain(pair["value"]) for pair in one["values"]})
        packed = sums.packed()
        asked = {str(at): packed[at * 32 : at * 32 + 32].hex() for at in range(256) if any(packed[at * 32 : at * 32 + 32])}
        document = super().document()
        document["input"] |= {"replica": {"version": str(self.version), "records": self.held}}
        document["expect"] = {
            "sums": asked,
            "head": str(self.head),
            "state_digest": self.buckets.digest().hex(),
            "buckets": [{"bucket": str(at), "records": records} for at, records in self.answered],
        }
        return document


def _plain(value: Json) -> Value:
    return int(value["integer"]) if "integer" in value else value.get("text", value.get("set", {}).get("elements", []))


def content(collection: str, record: str, /, **values: Value) -> Json:
    return {"collection": collection, "record": record, "values": [{"field": name, "value": value_to_json(values[name])} for name in sorted(values)]}


def mendings() -> None:
    where = "sync.md#mending"
    water, sand = content("project", P1, title_en="Water"), content("project", P2, progress=5, title_en="Sand")

    def mending(name: str, comment: str) -> Mending:
        s = Mending(name, where, comment)
        s.deliver(ANNA, (s.change_set(0, insert("project", P1, title_en="Water"), insert("project", P2, progress=5, title_en="Sand")), "applied"))
        MADE.append(s)
        return s

    mending("mend-changed", "A record with another value: its bucket comes back whole.").ask(
        1, [content("project", P1, title_en="Rot"), sand], (0xA1, [water])
    )
    mending("mend-lost", "A record that the replica lost.").ask(1, [water], (0xA2, [sand]))
    mending("mend-invented", "A record that never was: its bucket is empty.").ask(1, [water, sand, content("project", P3, title_en="x")], (0xA3, []))
    mending("mend-agrees", "Nothing differs: no buckets.").ask(1, [water, sand])
    s = mending("mend-behind", "The replica is not at the head: no buckets, it syncs first.")
    anna(s, update("project", P1, title_en=("Water", "Vand")))
    s.ask(1, [sand])


# --- Sealing --------------------------------------------------------------------------------------


class Plain:
    """A vector that is written as it stands."""

    def __init__(self, name: str, spec: str, comment: str, given: Json, expect: Json) -> None:
        self.name = name
        self._document = {"name": name, "spec": spec, "comment": comment, "input": given, "expect": expect}

    def document(self) -> Json:
        return self._document


def plain(name: str, spec: str, comment: str, given: Json, expect: Json) -> None:
    MADE.append(Plain(name, spec, comment, given, expect))


def sealings() -> None:
    """Anna edits while others' versions come in and her outbox waits."""
    source = Scenario("", "", "")

    def comes(*operations: Json) -> Json:
        return {"integrate": source.change_set(0, *operations)}

    def edits(*operations: Json) -> Json:
        return {"edit": list(operations)}

    def writes(record: str, **values: Value) -> Json:
        return operation("update", "project", record, *({"field": name, "after": value_to_json(value)} for name, value in values.items()))

    def sealed(version: int, *operations: Json, seen: tuple[int, ...] = ()) -> Json:
        return {"base": base(version), "operations": list(operations), "seen": list(seen)}

    def others(number: int) -> Json:
        return comes(insert("task", f"{T1[:-2]}{number:02x}", title="another's"))

    where = "model.md#bases"
    first = comes(insert("project", P1, progress=5, title_en="a"))
    plain(
        "sealing-field-base",
        where,
        "A field with a pending edit keeps that edit's base; other fields have the change set's.",
        {"epoch": EPOCH, "steps": [first, edits(writes(P1, title_en="b")), others(1), edits(writes(P1, progress=6, title_en="c"))]},
        {
            "sealed": [
                sealed(1, update("project", P1, title_en=("a", "b"))),
                sealed(2, operation("update", "project", P1, edit("progress", 5, 6), edit("title_en", "b", "c", base=base(1))), seen=(0,)),
            ]
        },
    )
    plain(
        "sealing-delete-base",
        where,
        "A deletion gives the base of each field that a pending edit hides; it hides the record in turn, for the restore and every later edit.",
        {
            "epoch": EPOCH,
            "steps": [
                first,
                edits(writes(P1, title_en="b")),
                others(1),
                edits(operation("delete", "project", P1)),
                others(2),
                edits(operation("restore", "project", P1)),
                others(3),
                edits(writes(P1, progress=6, title_en="c")),
            ],
        },
        {
            "sealed": [
                sealed(1, update("project", P1, title_en=("a", "b"))),
                sealed(2, delete("project", P1, title_en=1), seen=(0,)),
                sealed(3, operation("restore", "project", P1, base=base(2)), seen=(1,)),
                sealed(
                    4,
                    operation("update", "project", P1, edit("progress", 5, 6, base=base(2)), edit("title_en", "b", "c", base=base(1))),
                    seen=(2,),
                ),
            ]
        },
    )
    plain(
        "sealing-insert-base",
        where,
        "A pending insert hides the fields that it wrote, and no others.",
        {
            "epoch": EPOCH,
            "steps": [
                first,
                edits(operation("insert", "project", P2, edit("title_en", None, "new"))),
                others(1),
                edits(writes(P2, progress=1, title_en="newer")),
            ],
        },
        {
            "sealed": [
                sealed(1, insert("project", P2, title_en="new")),
                sealed(2, operation("update", "project", P2, edit("progress", None, 1), edit("title_en", "new", "newer", base=base(1))), seen=(0,)),
            ]
        },
    )
    plain(
        "sealing-before-value",
        "model.md#change-sets",
        "The before-value is what the author saw: their own pending value, and a field's default.",
        {"epoch": EPOCH, "steps": [first, edits(writes(P1, status="active")), edits(writes(P1, status="paused", tags=["x"]))]},
        {
            "sealed": [
                sealed(1, update("project", P1, status=("idea", "active"))),
                sealed(1, update("project", P1, status=("active", "paused"), tags=([], ["x"])), seen=(0,)),
            ]
        },
    )
    plain(
        "sealing-folds",
        "model.md#change-sets",
        "In one change set the first value before and the last after count; what did not change is left out.",
        {"epoch": EPOCH, "steps": [first, edits(writes(P1, progress=6, title_en="b"), writes(P1, progress=5, title_en="c"))]},
        {"sealed": [sealed(1, update("project", P1, title_en=("a", "c")))]},
    )
    plain(
        "sealing-seen",
        "model.md#seen",
        "A change set lists the one before it; what that lists was seen too.",
        {"epoch": EPOCH, "steps": [first, *(edits(writes(P1, progress=at)) for at in (6, 7, 8))]},
        {
            "sealed": [
                sealed(1, update("project", P1, progress=(5, 6))),
                sealed(1, update("project", P1, progress=(6, 7)), seen=(0,)),
                sealed(1, update("project", P1, progress=(7, 8)), seen=(1,)),
            ]
        },
    )


def dependents() -> None:
    s = Scenario("", "", "")
    rejected = s.change_set(1, update("project", P1))
    refers = s.change_set(1, insert("task", T1, project=P1))
    touches = s.change_set(1, update("task", T1, title=(None, "x")))
    left = s.change_set(1, update("task", T2, project=(P1, None)))
    in_set = s.change_set(1, insert("task", f"{T1[:-1]}3", depends_on=[T1]))
    in_text = s.change_set(1, insert("task", f"{T1[:-1]}4", title=f"see {P1}"))
    plain(
        "dependents",
        "sync.md#deliveries",
        "The second refers to the rejected one's record, the third edits the second's, the fifth names that in a set. The fourth only left it, the sixth mentions it.",
        {"rejected": rejected, "later": [refers, touches, left, in_set, in_text]},
        {"depends": [refers["id"], touches["id"], in_set["id"]]},
    )


# --- Refusals -------------------------------------------------------------------------------------


def errors() -> None:
    """Requests of an editor of `demo`, unless `as` says another member or nobody."""
    page = (HERE.parent / "spec" / "errors.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `(\w+)` \| (\d+) \| (.+) \| (.+) \|$", page, re.MULTILINE)
    problems = {code: (int(status), title, remedy) for code, status, title, remedy in rows}
    sync = "/v1/workspaces/demo/sync"
    where = "errors.md#problem-documents"

    def refused(name: str, comment: str, code: str, method: str, path: str, headers: Json | None = None, **request: object) -> None:
        status, title, remedy = problems[code]
        document = {"type": f"urn:ting:error:{code}", "title": title, "status": status, "code": code, "remedy": remedy}
        given = {"method": method, "path": path} | {key: value for key, value in request.items() if key != "answers"}
        if headers:
            given["headers"] = headers
        expect: Json = {"status": status, "problem": document}
        if "answers" in request:
            expect["headers"] = request["answers"]
        plain(f"error-{name}", where, comment, given, expect)

    refused(
        "no-token",
        "A request without a token.",
        "unauthorized",
        "GET",
        "/v1/workspaces",
        **{"as": "nobody"},
        answers={"WWW-Authenticate": 'Bearer realm="ting"'},
    )
    refused("unknown-workspace", "A workspace that does not exist.", "workspace_not_found", "GET", "/v1/workspaces/nowhere")
    refused("workspace-of-others", "A workspace of others: the same answer, to the byte.", "workspace_not_found", "GET", "/v1/workspaces/others")
    refused("nothing-here", "An address that is not of this protocol.", "not_found", "GET", "/v1/nothing")
    refused("method", "A method that the address does not take.", "method_not_allowed", "DELETE", "/v1/workspaces", answers={"Allow": "GET"})
    refused(
        "media-type",
        "A body that is neither protobuf nor JSON.",
        "unsupported_media_type",
        "POST",
        sync,
        {"Content-Type": "text/plain"},
        body="hello",
    )
    refused(
        "content-encoding",
        "A body in another coding than gzip.",
        "unsupported_media_type",
        "POST",
        sync,
        {"Content-Encoding": "br"},
        body="{}",
        answers={"Accept-Encoding": "gzip"},
    )
    refused("not-gzip", "A body that is not the gzip that its header says.", "bad_request", "POST", sync, {"Content-Encoding": "gzip"}, body="{}")
    refused("not-json", "A body that is not what its type says.", "bad_request", "POST", sync, body="{")
    refused("no-base", "A sync request without its base.", "bad_request", "POST", sync, body='{"protocol": "1", "schema": "1"}')
    refused(
        "protocol-in-body",
        "Another version of the protocol.",
        "protocol_unsupported",
        "POST",
        sync,
        body='{"protocol": "2", "schema": "1"}',
        answers={"Upgrade": "ting/1"},
    )
    refused(
        "protocol-in-header",
        "Another version, said by a header.",
        "protocol_unsupported",
        "GET",
        "/v1/workspaces",
        {"Ting-Protocol": "2"},
        answers={"Upgrade": "ting/1"},
    )
    refused("header-no-number", "A header that is not a number.", "bad_request", "GET", "/v1/workspaces", {"Ting-Protocol": "one"})
    refused("query-no-number", "A query that is not a number.", "bad_request", "GET", "/v1/workspaces/demo/entries?since=-1")
    refused("role", "An editor invites.", "forbidden", "POST", "/v1/workspaces/demo/invitations", body='{"name": "Li", "email": "li@example.org"}')
    refused(
        "join-code",
        "A wrong join code.",
        "invalid_code",
        "POST",
        "/v1/join",
        **{"as": "nobody"},
        body='{"protocol": "1", "schema": "1", "code": "abcdefghijklmnopqrstuvwxyz", "device_name": "laptop", "public_key": "BGsX0fLhLEJH+Lzm5WOkQPJ3A32BLeszoPShOUXYmMKWT+NC4v4af5uO5+tKfA+eFivOM1drMV7Oy7ZAaDe/UfU="}',
    )
    refused(
        "range",
        "A range beyond the end of the snapshot.",
        "range_not_satisfiable",
        "GET",
        "/v1/workspaces/demo/snapshot",
        {"Range": "bytes=1000000000-"},
    )
    refused("last-owner", "The last owner would leave.", "conflict", "DELETE", "/v1/workspaces/demo/members/{owner}", **{"as": "owner"})
    refused("device-of-others", "A device that is not the caller's.", "not_found", "DELETE", "/v1/devices/66666666-6666-4666-8666-666666666666")


def main() -> int:
    for make in (
        latest,
        review,
        texts,
        sets_and_numbers,
        seen,
        deletions,
        parents,
        uniques,
        conflicts,
        verdicts,
        faults,
        mendings,
        sealings,
        dependents,
        errors,
    ):
        make()
    differing = []
    for one in MADE:
        path, text = HERE / f"{one.name}.json", text_of(one.document())
        if "--check" not in sys.argv:
            path.write_text(text, encoding="utf-8")
        elif not path.exists() or path.read_text(encoding="utf-8") != text:
            differing.append(path.name)
    print(f"{len(MADE)} vectors" if not differing else f"differ: {' '.join(differing)}")
    return 1 if differing else 0


if __name__ == "__main__":
    sys.exit(main())

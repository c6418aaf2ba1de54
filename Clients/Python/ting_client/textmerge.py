# SPDX-License-Identifier: Apache-2.0
"""The three-way merge of texts, by line and then by word (spec/merge.md#text): a second opinion, which syncing does not need."""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from . import limits

Tokens = Sequence[str]
Pairs = list[tuple[int, int]]
Settle = Callable[[list[str], list[str], list[str]], list[str]]


@dataclass(frozen=True)
class Merged:
    """The merged text, and whether words overlapped."""

    text: str
    overlaps: bool


class Steps:
    """What aligning the texts of one change set may still cost."""

    def __init__(self, left: int = limits.MERGE_STEP_LIMIT) -> None:
        self._left = left

    def take(self, count: int) -> bool:
        """Whether there were any left before these."""
        if self._left <= 0:
            return False
        self._left -= count
        return True


def merge_text(base: str, current: str, incoming: str, incoming_is_later: bool, steps: Steps) -> Merged:
    """Both sides' changes of `base`; where words overlap, the later edit's stay."""
    if base == current or current == incoming:
        return Merged(incoming, False)
    if base == incoming:
        return Merged(current, False)
    overlaps = False

    def by_word(old: list[str], here: list[str], there: list[str]) -> list[str]:
        if not old:
            return _inserted(here, there)
        old, here, there = (words("".join(side)) for side in (old, here, there))
        if max(len(old), len(here), len(there)) > limits.MERGE_WORD_LIMIT:
            return overlap(old, here, there)
        return _walk(old, here, there, overlap, steps)

    def overlap(old: list[str], here: list[str], there: list[str]) -> list[str]:
        nonlocal overlaps
        if not old:
            return here + there
        overlaps = True
        return there if incoming_is_later else here

    old, here, there = lines(base), lines(current), lines(incoming)
    if max(len(old), len(here), len(there)) > limits.MERGE_LINE_LIMIT:
        return Merged(incoming if incoming_is_later else current, True)
    merged = _walk(old, here, there, by_word, steps)
    text = unicodedata.normalize("NFC", "".join(merged))
    if len(text.encode("utf-8")) > limits.TEXT_BYTE_LIMIT:
        return Merged(incoming if incoming_is_later else current, True)
    return Merged(text, overlaps)


def lines(text: str) -> list[str]:
    """Lines with their ends."""
    return [part + "\n" for part in text.split("\n")[:-1]] + [part for part in text.split("\n")[-1:] if part]


def words(text: str) -> list[str]:
    """Runs of word characters; every other character, and each ideograph or kana, alone."""
    found: list[str] = []
    run = False
    for character in text:
        joins = _joins(character)
        if joins and run:
            found[-1] += character
        else:
            found.append(character)
        run = joins
    return found


def _joins(character: str) -> bool:
    """Nearly what the rule says: this library knows general categories, not the property Alphabetic."""
    code = ord(character)
    if 0x2E80 <= code <= 0x9FFF or 0xF900 <= code <= 0xFAFF or code >= 0x20000:
        return False
    return character.isalnum() or unicodedata.category(character) == "Nl" or unicodedata.combining(character) > 0


def _inserted(here: list[str], there: list[str]) -> list[str]:
    """Lines that both sides put at one place: the one in place first, equal lines once."""
    new = [line for line in there if line not in here]
    ends = not here or here[-1].endswith("\n")
    return here + ([] if ends or not new else ["\n"]) + new


def _walk(base: Tokens, current: Tokens, incoming: Tokens, settle: Settle, steps: Steps) -> list[str]:
    """Goes from one token that both sides left to the next; `settle` decides where both changed what lies between."""
    ours, theirs = dict(_align(base, current, steps)), dict(_align(base, incoming, steps))
    stable = [(at, ours[at], theirs[at]) for at in range(len(base)) if at in ours and at in theirs]
    ends = (len(base), len(current), len(incoming))
    merged: list[str] = []
    for (b, c, i), (next_b, next_c, next_i) in pairwise([(-1, -1, -1), *stable, ends]):
        old, here, there = list(base[b + 1 : next_b]), list(current[c + 1 : next_c]), list(incoming[i + 1 : next_i])
        if old == here or here == there:
            merged += there
        elif old == there:
            merged += here
        else:
            merged += settle(old, here, there)
        merged += base[next_b : next_b + 1]
    return merged


# --- Aligning two lists ---------------------------------------------------------------------------


def _align(old: Tokens, new: Tokens, steps: Steps) -> Pairs:
    """The places of partners, ascending."""
    found: Pairs = []
    waiting = [((0, len(old)), (0, len(new)))]
    while waiting:
        (first, last), (start, stop) = waiting.pop()
        while first < last and start < stop and old[first] == new[start]:
            found.append((first, start))
            first, start = first + 1, start + 1
        while first < last and start < stop and old[last - 1] == new[stop - 1]:
            last, stop = last - 1, stop - 1
            found.append((last, stop))
        if first == last or start == stop:
            continue
        if last - first + stop - start <= limits.MERGE_STRETCH_LIMIT:
            found += [(first + x, start + y) for x, y in _shortest(old[first:last], new[start:stop], steps)]
            continue
        if not steps.take(8 * (last - first + stop - start)):
            continue
        anchors = [(first + x, start + y) for x, y in _anchors(old[first:last], new[start:stop])]
        found += anchors
        if anchors:
            for (x, y), (next_x, next_y) in pairwise([(first - 1, start - 1), *anchors, (last, stop)]):
                waiting.append(((x + 1, next_x), (y + 1, next_y)))
    return sorted(found)


def _shortest(old: Tokens, new: Tokens, steps: Steps) -> Pairs:
    """The diagonal steps of the shortest edit script that the greedy algorithm of Myers (1986) finds, if it does in time."""
    trace: list[dict[int, int]] = []
    reached = {1: 0}
    for distance in range(len(old) + len(new) + 1):
        if not steps.take(distance + 1):
            return []
        trace.append(reached)
        before, reached = reached, {}
        for k in range(-distance, distance + 1, 2):
            x = before[k + 1] if _goes_down(before, k, distance) else before[k - 1] + 1
            while x < len(old) and x - k < len(new) and old[x] == new[x - k]:
                x += 1
            reached[k] = x
            if x >= len(old) and x - k >= len(new):
                return _way_back(trace, len(old), len(new))
    raise AssertionError("an edit script is never longer than both lists")


def _goes_down(reached: dict[int, int], k: int, distance: int) -> bool:
    return k == -distance or (k != distance and reached[k - 1] < reached[k + 1])


def _way_back(trace: list[dict[int, int]], x: int, y: int) -> Pairs:
    pairs: Pairs = []
    for distance in range(len(trace) - 1, -1, -1):
        k, reached = x - y, trace[distance]
        previous = k + 1 if _goes_down(reached, k, distance) else k - 1
        start = (reached[previous], reached[previous] - previous) if distance else (0, 0)
        while x > start[0] and y > start[1]:
            x, y = x - 1, y - 1
            pairs.append((x, y))
        x, y = start
    return pairs[::-1]


def _anchors(old: Tokens, new: Tokens) -> Pairs:
    """A longest run of tokens, each once on both sides, that ascends on both (patience)."""
    once = [{token for token, count in Counter(side).items() if count == 1} for side in (old, new)]
    there = {token: at for at, token in enumerate(new)}
    pairs = [(at, there[token]) for at, token in enumerate(old) if token in once[0] and token in once[1]]
    piles: list[int] = []
    below: list[int | None] = []
    for index, (_, place) in enumerate(pairs):
        pile = next((at for at, top in enumerate(piles) if pairs[top][1] >= place), len(piles))
        below.append(piles[pile - 1] if pile else None)
        piles[pile : pile + 1] = [index]
    run: Pairs = []
    at = piles[-1] if piles else None
    while at is not None:
        run.append(pairs[at])
        at = below[at]
    return run[::-1]

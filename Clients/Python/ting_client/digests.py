# SPDX-License-Identifier: Apache-2.0
"""The history digest, the state digest and receipts (spec/model.md)."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping

from .canonical import Json, Value, change_set_hash, effects_bytes, encode, entry_effects, id_bytes, seed_bytes, sha256

EMPTY_HISTORY = bytes(32)
_MODULUS = 1 << 256
_EMPTY_SUMS = bytes(256 * 32)


def link(previous: bytes, change_set: bytes, effects: bytes, author: str, accepted: int) -> bytes:
    """The history digest after one more version; `change_set` and `effects` are hashes."""
    return sha256(encode([previous, change_set, effects, id_bytes(author), accepted]))


def link_entry(previous: bytes, entry: Json) -> bytes:
    """The history digest after an entry in its JSON mapping."""
    change_set = entry["change_set"]
    effects = sha256(effects_bytes(entry_effects(entry), seed_bytes(change_set)))
    return link(previous, change_set_hash(change_set), effects, entry["author"], int(entry.get("accepted", 0)))


def record_number(collection: str, record: str, values: Mapping[str, Value]) -> int:
    """A live record's hash as a number; `values` are those unlike their default."""
    return int.from_bytes(sha256(encode([collection, id_bytes(record), dict(values)])), "big")


class Buckets:
    """The 256 sums of record hashes: a change of one record costs two hashes."""

    def __init__(self, sums: bytes = _EMPTY_SUMS) -> None:
        self.sums = [int.from_bytes(sums[at : at + 32], "big") for at in range(0, 256 * 32, 32)]

    def add(self, collection: str, record: str, values: Mapping[str, Value]) -> None:
        self._change(record, record_number(collection, record, values))

    def remove(self, collection: str, record: str, values: Mapping[str, Value]) -> None:
        self._change(record, -record_number(collection, record, values))

    def _change(self, record: str, by: int) -> None:
        """A record's bucket is the last byte of its id."""
        bucket = id_bytes(record)[-1]
        self.sums[bucket] = (self.sums[bucket] + by) % _MODULUS

    def packed(self) -> bytes:
        """The sums as they stand in a file: 32 bytes each, in order."""
        return b"".join(one.to_bytes(32, "big") for one in self.sums)

    def digest(self) -> bytes:
        return sha256(self.packed())


def receipt(key: bytes, epoch: str, entry: Json, change_set: str, digest: bytes) -> bytes:
    """A server's receipt for an entry; a client has no key, and only keeps and gives back receipts."""
    item = [
        id_bytes(epoch),
        int(entry["version"]),
        id_bytes(entry["author"]),
        id_bytes(entry["replica"]),
        int(entry["number"]),
        id_bytes(change_set),
        digest,
        int(entry["accepted"]),
        int(entry["shift"]),
    ]
    return hmac.new(key, encode(item), hashlib.sha256).digest()

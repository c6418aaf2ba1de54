# SPDX-License-Identifier: Apache-2.0
"""The forms of a server's answers: what does not have them is refused whole, before anything of it is used.

Fields that hold 0, false or nothing are left out, and unknown ones are ignored (spec/transport.md#bodies).
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable

from .canonical import Json, Malformed, id_bytes
from .errors import Failure

Form = Callable[[object], bool]
"""Whether an item of decoded JSON has a form."""

_DIGITS = re.compile(r"-?[0-9]{1,19}")
_DIGEST = re.compile(r"[0-9a-f]{64}")
_SLUG = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
_TOKEN = re.compile(r"[!-~]+")


class MalformedAnswer(Failure):
    """What came is no answer of the protocol."""

    remedy = "Ask the operator what answers at this address; nothing was taken, and edits are kept."


def read(data: bytes, form: Form) -> Json:
    """The answer in a body; an empty one is that of a message without fields."""
    try:
        answer = json.loads(data) if data else {}
    except (ValueError, RecursionError) as error:
        raise MalformedAnswer("the server's answer is no JSON") from error
    if not form(answer):
        raise MalformedAnswer("the server's answer is not of the form that the protocol gives it")
    return answer


# --- Single items ---------------------------------------------------------------------------------


def _text(item: object) -> bool:
    """A text that has UTF-8 bytes: JSON can also write halves of characters."""
    return isinstance(item, str) and (item.isascii() or not re.search("[\ud800-\udfff]", item))


def _flag(item: object) -> bool:
    return isinstance(item, bool)


def _integer(item: object) -> bool:
    return isinstance(item, str) and bool(_DIGITS.fullmatch(item)) and -(1 << 63) <= int(item) < 1 << 63


def _number(item: object) -> bool:
    return _integer(item) and int(str(item)) >= 0


def _matches(pattern: re.Pattern[str]) -> Form:
    return lambda item: isinstance(item, str) and bool(pattern.fullmatch(item))


def _id(item: object) -> bool:
    try:
        id_bytes(str(item))
    except Malformed:
        return False
    return isinstance(item, str)


def _bytes(item: object) -> bool:
    try:
        base64.b64decode(str(item), validate=True)
    except ValueError:
        return False
    return isinstance(item, str)


def _one_of(*texts: str) -> Form:
    return lambda item: item in texts


def _list(form: Form) -> Form:
    return lambda item: isinstance(item, list) and all(map(form, item))


def _message(required: dict[str, Form], optional: dict[str, Form] | None = None) -> Form:
    """An object that has all of the first fields, and of the others any."""
    forms = required | (optional or {})

    def form(item: object) -> bool:
        if not isinstance(item, dict) or not required.keys() <= item.keys():
            return False
        return all(name not in forms or forms[name](one) for name, one in item.items())

    return form


_digest, _slug, _token = map(_matches, (_DIGEST, _SLUG, _TOKEN))

# --- Messages -------------------------------------------------------------------------------------

_KINDS = {"integer": _integer, "text": _text, "set": _message({}, {"elements": _list(_text)})}


def _value(item: object) -> bool:
    """Null as an empty object, or one value of one kind."""
    return _message({}, _KINDS)(item) and (item == {} or sum(kind in item for kind in _KINDS) == 1)  # type: ignore[operator]


_BASE = _message({"epoch": _id}, {"version": _number})
_EDIT = _message({"field": _text}, {"before": _value, "after": _value, "base": _BASE, "time": _integer})
_OPERATION = _message(
    {"kind": _one_of("insert", "update", "delete", "restore"), "collection": _text, "record": _id},
    {"base": _BASE, "time": _integer, "fields": _list(_EDIT)},
)
_CHANGE_SET = _message(
    {"id": _id, "base": _BASE},
    {
        "seed": _bytes,
        "schema": _integer,
        "seen": _list(_digest),
        "message": _text,
        "time": _integer,
        "operations": _list(_OPERATION),
    },
)
_FIELD_VALUES = _list(_message({"field": _text}, {"value": _value}))
_EFFECT = _message(
    {"collection": _text, "record": _id, "state": _one_of("live", "updated", "deleted")}, {"values": _FIELD_VALUES}
)
_ENTRY = _message(
    {"version": _number, "change_set": _CHANGE_SET, "author": _id, "replica": _id},
    {
        "number": _number,
        "accepted": _integer,
        "shift": _integer,
        "merged": _flag,
        "effects": _list(_EFFECT),
        "receipt": _bytes,
    },
)
_VERDICT = _message(
    {"change_set": _id, "verdict": _text}, {"number": _number, "version": _number, "code": _text, "detail": _text}
)
_MEMBER = _message({"id": _id}, {"name": _text, "email": _text, "role": _text})
_RECORD = _message({"collection": _text, "record": _id}, {"values": _FIELD_VALUES})
_BUCKET = _message({}, {"bucket": _one_of(*map(str, range(256))), "records": _list(_RECORD)})

# --- Answers --------------------------------------------------------------------------------------

SYNC = _message(
    {"epoch": _id, "history_digest": _digest, "state_digest": _digest},
    {
        "verdicts": _list(_VERDICT),
        "clash": _number,
        "entries": _list(_ENTRY),
        "head": _number,
        "floor": _number,
        "history_agrees": _flag,
        "digests_agree": _flag,
        "has_members": _flag,
        "members": _list(_MEMBER),
        "members_version": _number,
        "role": _text,
        "schema": _text,
        "lineage": _list(_message({"epoch": _id, "history_digest": _digest}, {"version": _number})),
    },
)
MEND = _message({"epoch": _id, "state_digest": _digest}, {"head": _number, "buckets": _list(_BUCKET)})
GIVE_BACK = _message({"epoch": _id}, {"taken": _list(_number), "refused": _list(_number)})
ENTRIES = _message({"epoch": _id}, {"head": _number, "entries": _list(_ENTRY)})
WORKSPACE = _message({"epoch": _id})
MANIFEST = _message({"hash": _digest}, {"bytes": _number, "block_bytes": _number, "block_hashes": _list(_digest)})
JOIN = _message(
    {"token": _token, "member": _id}, {"name": _text, "email": _text, "workspaces": _list(_message({"slug": _slug}))}
)

# SPDX-License-Identifier: Apache-2.0
"""Collections, fields, their defaults and what a field may hold (spec/model.md#values)."""

from __future__ import annotations

import datetime
import json
import os
import re
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from . import limits
from .canonical import Malformed, Value, id_bytes
from .errors import Failure

_INTEGERS = ("integer", "counter", "money")
_TYPES = (*_INTEGERS, "text", "date", "time", "enum", "reference", "set")
_NAME = re.compile(r"[a-z0-9_]+")
_INTEGER = re.compile(r"[+-]?[0-9]{1,40}")
_DATE = re.compile(r"[0-9]{4}(-[0-9]{2}(-[0-9]{2})?)?")
_TIME = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T([01][0-9]|2[0-3]):[0-5][0-9]")


class InvalidValue(Failure, ValueError):
    """A value that its field can't hold."""


class InvalidSchema(Failure):
    """What is no schema, or does not follow the one that is held (spec/model.md#growing)."""

    remedy = "Tell the server's operator; this replica keeps the schema that it has."


@dataclass(frozen=True)
class Field:
    """One field of a collection."""

    name: str
    type: str
    policy: str
    default: Value = None
    values: tuple[str, ...] = ()
    to: tuple[str, ...] = ()
    parent: bool = False
    unique: bool = False
    references: bool = False
    least: int | None = None
    greatest: int | None = None

    def check(self, value: Value) -> None:
        """Raises `InvalidValue` unless the field can hold the value."""
        if value is None:
            if self.default is not None:
                raise InvalidValue(f"{self.name} is never null")
        elif self.type == "set":
            self._check_set(value)
        elif self.type in _INTEGERS:
            self._check_integer(value)
        else:
            self._check_text(value)

    def grew_from(self, older: Field) -> bool:
        """Whether this is the older field, or one that allows more."""
        same = ("name", "type", "policy", "default", "parent", "unique", "references")
        known = tuple(value for value in self.values if value in older.values)
        return all(getattr(self, one) == getattr(older, one) for one in same) and known == older.values

    def _check_integer(self, value: Value) -> None:
        if not isinstance(value, int) or isinstance(value, bool) or not -(1 << 63) <= value < 1 << 63:
            raise InvalidValue(f"{self.name} holds an integer of 64 bits")
        if self.least is not None and value < self.least or self.greatest is not None and value > self.greatest:
            raise InvalidValue(f"{self.name} lies between {self.least} and {self.greatest}")

    def _check_text(self, value: Value) -> None:
        if not isinstance(value, str):
            raise InvalidValue(f"{self.name} holds a text")
        check_text(self.name, value, limits.UNIQUE_BYTE_LIMIT if self.unique else limits.TEXT_BYTE_LIMIT)
        if self.type == "enum" and value not in self.values:
            raise InvalidValue(f"{self.name} is one of {', '.join(self.values)}")
        if self.type == "date" and not is_date(value):
            raise InvalidValue(f"{self.name} is a date: YYYY, YYYY-MM or YYYY-MM-DD")
        if self.type == "time" and not is_time(value):
            raise InvalidValue(f"{self.name} is a time: YYYY-MM-DDTHH:MM")
        if self.type == "reference":
            _check_id(self.name, value)

    def _check_set(self, value: Value) -> None:
        if not isinstance(value, list) or not all(isinstance(element, str) for element in value):
            raise InvalidValue(f"{self.name} holds a set of texts")
        if value != sorted_set(value) or len(value) > limits.SET_ELEMENT_LIMIT:
            raise InvalidValue(
                f"{self.name} holds at most {limits.SET_ELEMENT_LIMIT} elements, in order and without repeats"
            )
        for element in value:
            check_text(self.name, element, limits.ELEMENT_BYTE_LIMIT)
            if not element or self.values and element not in self.values:
                raise InvalidValue(f"{self.name} has no place for the element {element!r}")
            if self.references:
                _check_id(self.name, element)


def check_text(name: str, text: str, limit: int) -> None:
    if "\0" in text or not unicodedata.is_normalized("NFC", text) or len(text.encode("utf-8")) > limit:
        raise InvalidValue(f"{name} holds a text in NFC, without NUL, of at most {limit} bytes")


def _check_id(name: str, text: str) -> None:
    try:
        id_bytes(text)
    except Malformed as error:
        raise InvalidValue(f"{name} holds ids of records: {text!r}") from error


def sorted_set(elements: Iterable[str]) -> list[str]:
    """A set as it stands in values: ascending by UTF-8 bytes, none twice."""
    return sorted(set(elements), key=lambda element: element.encode("utf-8"))


def is_date(text: str) -> bool:
    """A year, a month or a day that the calendar has."""
    if not _DATE.fullmatch(text):
        return False
    year, month, day = ([int(part) for part in text.split("-")] + [1, 1])[:3]
    try:
        datetime.date(year or 2000, month, day)  # the year 0000, a leap year, is allowed here
    except ValueError:
        return False
    return True


def is_time(text: str) -> bool:
    return bool(_TIME.fullmatch(text)) and is_date(text[:10])


class Schema:
    """A schema, with the collection `conflict` that belongs to every one."""

    def __init__(self, version: int, collections: Mapping[str, Mapping[str, Field]]) -> None:
        self.version = version
        self.collections = dict(collections) | {"conflict": _conflict_fields()}

    def fields(self, collection: str) -> Mapping[str, Field]:
        if collection not in self.collections:
            raise InvalidValue(f"there is no collection {collection}: {', '.join(self.collections)}")
        return self.collections[collection]

    def field(self, collection: str, name: str) -> Field:
        fields = self.fields(collection)
        if name not in fields:
            raise InvalidValue(f"{collection} has no field {name}: {', '.join(fields)}")
        return fields[name]

    def knows(self, collection: str, names: Iterable[str]) -> bool:
        """Whether it has the collection, with all these fields."""
        fields = self.collections.get(collection)
        return fields is not None and all(name in fields for name in names)

    def check_follows(self, older: Schema) -> None:
        """Raises `InvalidSchema` unless the older schema grew into this one."""
        for collection, fields in older.collections.items():
            for name, field in fields.items():
                newer = self.collections.get(collection, {}).get(name)
                if newer is None or not newer.grew_from(field):
                    raise InvalidSchema(f"the schema {self.version} does not keep {collection}.{name} of {older.version}")

    def parents(self) -> list[tuple[str, str]]:
        """(collection, field) of every reference to a parent."""
        return [
            (collection, field.name)
            for collection, fields in self.collections.items()
            for field in fields.values()
            if field.parent
        ]

    def default(self, collection: str, name: str) -> Value:
        """A field's default; null for one that this schema doesn't know."""
        field = self.collections.get(collection, {}).get(name)
        return field.default if field else None

    def complete(self, collection: str, values: Mapping[str, Value]) -> dict[str, Value]:
        """All fields of a record of which `values` are those unlike their default."""
        return {name: values.get(name, field.default) for name, field in self.fields(collection).items()} | dict(values)

    def parse(self, collection: str, name: str, text: str) -> Value:
        """A value as typed: empty clears, a set's elements stand between commas."""
        field = self.field(collection, name)
        if field.type == "set":
            return sorted_set(unicodedata.normalize("NFC", one.strip()) for one in text.split(",") if one.strip())
        if text == "":
            return field.default
        return _integer(name, text) if field.type in _INTEGERS else unicodedata.normalize("NFC", text)


def _integer(name: str, text: str) -> int:
    if not _INTEGER.fullmatch(text.strip()):
        raise InvalidValue(f"{name} holds an integer, not {text[:40]!r}")
    return int(text)


def _conflict_fields() -> dict[str, Field]:
    """spec/merge.md#conflicts; an open conflict has its `status` at the default."""
    texts = ("collection", "record", "field", "kind", "before", "other", "kept_by", "other_by")
    fields = {name: Field(name, "text", "latest") for name in texts}
    fields |= {name: Field(name, "integer", "latest") for name in ("opened_version", "other_version")}
    fields["status"] = Field("status", "enum", "latest", "open", ("open", "settled"))
    return fields


def _read_field(given: Mapping[str, Any]) -> Field:
    implied: Value = [] if given["type"] == "set" else 0 if given["type"] == "counter" else None
    field = Field(
        name=_name(given["name"]),
        type=given["type"],
        policy=str(given["policy"]),
        default=given.get("default", implied),
        values=tuple(map(str, given.get("values", ()))),
        to=tuple(map(str, given.get("to", ()))),
        parent=bool(given.get("parent")),
        unique=bool(given.get("unique")),
        references=bool(given.get("references")),
        least=given.get("least"),
        greatest=given.get("greatest"),
    )
    if field.type not in _TYPES or field.name == "id":
        raise InvalidValue(f"there is no field {field.name} of type {field.type}")
    if field.default is not None:
        field.check(field.default)
    return field


def _name(given: str) -> str:
    if not _NAME.fullmatch(given):
        raise InvalidValue(f"{given!r} is no name")
    return given


def schema_path() -> Path:
    """`TING_SCHEMA`, or `Protocol/schema/planning.json` of a folder above."""
    if "TING_SCHEMA" in os.environ:
        return Path(os.environ["TING_SCHEMA"])
    for folder in Path(__file__).resolve().parents:
        if (folder / "Protocol/schema/planning.json").exists():
            return folder / "Protocol/schema/planning.json"
    raise FileNotFoundError("name the schema's file in TING_SCHEMA")


def read_schema(path: Path | None = None) -> Schema:
    return schema_from((path or schema_path()).read_text(encoding="utf-8"))


def schema_from(text: str) -> Schema:
    """A schema from its JSON, which a server may have sent; raises `InvalidSchema` for what is none."""
    try:
        if len(text.encode("utf-8")) > limits.SCHEMA_BYTE_LIMIT:
            raise InvalidValue(f"it has more than {limits.SCHEMA_BYTE_LIMIT} bytes")
        given = json.loads(text)
        return Schema(int(given["version"]), dict(map(_read_collection, given["collections"])))
    except (AttributeError, LookupError, RecursionError, TypeError, ValueError) as error:
        raise InvalidSchema(f"what came as a schema is none: {error}") from error


def _read_collection(given: Mapping[str, Any]) -> tuple[str, dict[str, Field]]:
    return _name(given["name"]), {field.name: field for field in map(_read_field, given["fields"])}

"""The careful path: one record, field by field.

`validate` decides about a record from what the JSON parser saw: for each field its JSON type and
its text. It is the definition of what is accepted; the fast path (`lake.reader.reader`) only ever
accepts what `validate` would accept with the same values. Rules: data contract, "Reading records".
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from sparkify_dagster.model.table import Column, Type

Value = str | int | float | datetime | None

_INTEGER = re.compile(r"-?[0-9]+")
_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?")
_NUMBER_TYPES = ("UBIGINT", "BIGINT", "HUGEINT", "UHUGEINT", "DOUBLE", "DECIMAL")
_RANGES = {Type.INTEGER: (-(2**31), 2**31 - 1), Type.BIGINT: (-(2**63), 2**63 - 1)}
_EPOCH = datetime(1970, 1, 1)
FIRST_MS = -62_135_596_800_000
LAST_MS = 253_402_300_799_999


class Rejected(Exception):
    """The record is not accepted.

    Attributes:
        reason: Why, without the value: values may be personal data.
        column: The column to blame, if one is.
    """

    def __init__(self, reason: str, column: str | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.column = column


class Parsed(NamedTuple):
    """A text as the JSON parser saw it.

    Attributes:
        kind: JSON type of the whole, None when it is no JSON.
        keys: The keys of the object, as often as they stand there.
        kinds: JSON type of each wanted field, None when it is missing.
        texts: Text of each wanted field, strings without their quotes; None for null.
    """

    kind: str | None
    keys: Sequence[str] = ()
    kinds: Sequence[str | None] = ()
    texts: Sequence[str | None] = ()


def validate(parsed: Parsed, text: str, columns: Sequence[Column]) -> tuple[Value, ...]:
    """The values of a record, one per column.

    Args:
        text: The record as it stands, to say what is wrong with it.

    Raises:
        Rejected: It is not accepted.
    """
    if parsed.kind != "OBJECT":
        raise Rejected(why_no_object(parsed.kind, text))
    if len(set(parsed.keys)) < len(parsed.keys):
        raise Rejected("a field stands in it twice")
    return tuple(
        _value(column, kind, value)
        for column, kind, value in zip(columns, parsed.kinds, parsed.texts, strict=True)
    )


def why_no_object(kind: str | None, text: str = "") -> str:
    """Why a text is no JSON object; of one that is JSON its kind says that."""
    if kind is None:
        return f"not valid JSON: {_json_error(text)}"
    return f"not a JSON object but {_named(kind)}"


def _value(column: Column, kind: str | None, text: str | None) -> Value:
    if kind is None or kind == "NULL" or text is None:
        value: Value = None
    elif kind in ("ARRAY", "OBJECT"):
        raise Rejected(f"{column.name} is {_named(kind)}, not a value", column.name)
    elif column.type is Type.VARCHAR:
        value = _character(column, kind, text)
    elif text == "" and kind == "VARCHAR":
        value = None
    else:
        value = _number(column, kind, text)
    if value is None and column.required:
        raise Rejected(f"{column.name} is missing", column.name)
    return value


def _character(column: Column, kind: str, text: str) -> str:
    if kind in _NUMBER_TYPES and not _NUMBER.fullmatch(text):
        raise Rejected(f"{column.name} is no finite number and no text", column.name)
    if "\x00" in text:
        raise Rejected(f"{column.name} holds a NUL character", column.name)
    length = len(text.encode())
    if column.length is not None and length > column.length:
        raise Rejected(
            f"{column.name} is {length} bytes long, the longest allowed is {column.length}",
            column.name,
        )
    return text


def _number(column: Column, kind: str, text: str) -> Value:
    if kind not in (*_NUMBER_TYPES, "VARCHAR"):
        raise Rejected(f"{column.name} is {_named(kind)}, not a number", column.name)
    if column.type is Type.DOUBLE:
        return _double(column, text)
    if not _INTEGER.fullmatch(text):
        raise Rejected(f"{column.name} is not a whole number", column.name)
    if column.type is Type.TIMESTAMP:
        return _moment(column, text)
    low, high = _RANGES[column.type]
    number = _whole(text)
    if not low <= number <= high:
        raise Rejected(f"{column.name} is out of range for {column.type}", column.name)
    return number


def _double(column: Column, text: str) -> float:
    if not _NUMBER.fullmatch(text) or not math.isfinite(float(text)):
        raise Rejected(f"{column.name} is not a finite number", column.name)
    return float(text)


def _moment(column: Column, text: str) -> datetime:
    number = _whole(text)
    if not FIRST_MS <= number <= LAST_MS:
        raise Rejected(f"{column.name} is not a time in the years 1 to 9999", column.name)
    return _EPOCH + timedelta(milliseconds=number)


def _whole(text: str) -> int:
    """The number, or one beyond any range: Python refuses to convert very long texts."""
    digits = text.lstrip("-").lstrip("0")[:40]
    return int(f"-{digits}" if text.startswith("-") else digits) if digits else 0


def _named(kind: str) -> str:
    if kind in _NUMBER_TYPES:
        return "a number"
    names = {"ARRAY": "an array", "OBJECT": "an object", "VARCHAR": "a string", "NULL": "null"}
    return names.get(kind, "true or false")


def _json_error(text: str) -> str:
    try:
        json.loads(text)
    except json.JSONDecodeError as error:
        return f"{error.msg.removesuffix(' at')} at character {error.pos + 1}"
    except (ValueError, RecursionError):
        return "it cannot be parsed"
    return "it holds characters or escapes that JSON does not allow"

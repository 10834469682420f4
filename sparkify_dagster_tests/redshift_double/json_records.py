"""JSON as COPY reads it: objects one after the other, and the fields they are asked for.

What belongs here: parting a file into records, and JSONPaths. Pure. Where Redshift's parser is
not documented (what follows a broken object, duplicate keys, NaN) this one is strict.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

MOST_BYTES = 4 * 1024 * 1024
_SPACE = re.compile(r"[ \t\r\n]*")
_GARBAGE = re.compile(r"[^ \t\r\n{]+")
# Bytes that are no UTF-8 stand in the decoded text as these, which JSON text never holds.
_BAD_BYTES = re.compile("[\udc80-\udcff]")


class Number(str):
    """A number, as its text was written."""

    __slots__ = ()


class BadRecord(Exception):
    """A record no row can come of.

    Attributes:
        code: Redshift's code for it.
        column: The column to blame, if there is one.
        value: What was to go there.
    """

    def __init__(self, code: int, reason: str, column: str = "", value: str = "") -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason
        self.column = column
        self.value = value


class BadPaths(Exception):
    """A JSONPaths document that is none; says why."""


@dataclass(frozen=True, slots=True)
class Record:
    """A piece of a file.

    Attributes:
        fields: What it says; None where it is broken.
        error: Why it is broken.
        raw: Its text.
        line: The line it ends on, from 1.
    """

    fields: dict[str, Any] | None
    error: BadRecord | None
    raw: str
    line: int


def records(data: bytes) -> Iterator[Record]:
    """The records of a file, and what is none among them, in order."""
    text = data.decode("utf-8", "surrogateescape")
    at, line = 0, 1
    while True:
        start = _SPACE.match(text, at).end()  # type: ignore[union-attr]
        line += text.count("\n", at, start)
        if start == len(text):
            return
        fields, error, at = _read(text, start)
        line += text.count("\n", start, at)
        yield Record(fields, error, text[start:at], line)


def _read(text: str, start: int) -> tuple[dict[str, Any] | None, BadRecord | None, int]:
    if text[start] != "{":
        end = _GARBAGE.match(text, start).end()  # type: ignore[union-attr]
        return None, BadRecord(1216, "Invalid JSON: an object must begin with {"), end
    try:
        fields, end = _DECODER.raw_decode(text, start)
    except BadRecord as error:
        return None, error, _end_of_object(text, start)
    except (ValueError, RecursionError) as error:
        return None, BadRecord(1216, f"Invalid JSON: {error}"), _end_of_line(text, start)
    bad = None if _fits(text, start, end) else _misfit(text, start, end)
    return (None if bad else fields), bad, end


def _end_of_line(text: str, start: int) -> int:
    end = text.find("\n", start)
    return len(text) if end < 0 else end


def _end_of_object(text: str, start: int) -> int:
    """The end of an object that is JSON, though not to our liking."""
    try:
        return json.JSONDecoder(parse_int=Number, parse_float=Number).raw_decode(text, start)[1]
    except (ValueError, RecursionError):
        return _end_of_line(text, start)


def _fits(text: str, start: int, end: int) -> bool:
    """Whether there is nothing to look for, told in a moment."""
    short = (end - start) * 4 <= MOST_BYTES
    return short and (text.isascii() or not _BAD_BYTES.search(text, start, end))


def _misfit(text: str, start: int, end: int) -> BadRecord | None:
    raw = text[start:end]
    if _BAD_BYTES.search(raw):
        return BadRecord(1220, "String contains invalid or unsupported UTF8 codepoints")
    if len(raw.encode()) > MOST_BYTES:
        return BadRecord(1224, "JSON object exceeds the size limit of 4 MB")
    return None


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    fields = dict(pairs)
    if len(fields) != len(pairs):
        raise BadRecord(1216, "Invalid JSON: a key comes twice")
    return fields


def _constant(word: str) -> None:
    raise BadRecord(1216, f"Invalid JSON: {word}")


_DECODER = json.JSONDecoder(
    object_pairs_hook=_object, parse_int=Number, parse_float=Number, parse_constant=_constant
)


def json_text(value: Any) -> str:
    """A nested value as it goes into a character column."""
    if isinstance(value, Number):
        return str(value)
    if isinstance(value, dict):
        inner = (f"{json.dumps(k, ensure_ascii=False)}:{json_text(v)}" for k, v in value.items())
        return f"{{{','.join(inner)}}}"
    if isinstance(value, list):
        return f"[{','.join(map(json_text, value))}]"
    return json.dumps(value, ensure_ascii=False)


# --------------------------------------------------------------------------------------------------
# Which field goes where
# --------------------------------------------------------------------------------------------------

Pick = Callable[[dict[str, Any]], list[Any]]
Path = Sequence[str | int]
_BRACKETS = re.compile(r"\[(?:'([^']*)'|\"([^\"]*)\"|(\d+))\]")
_DOTS = re.compile(r"\.([^.\[\]'\"\s*]+)|\[(\d+)\]")


def pick_by_name(columns: Sequence[str], *, ignore_case: bool = False) -> Pick:
    """The fields that are named as the columns: 'auto' and 'auto ignorecase'."""

    def exact(fields: dict[str, Any]) -> list[Any]:
        return [fields.get(name) for name in columns]

    def folded(fields: dict[str, Any]) -> list[Any]:
        lower = {name.lower(): value for name, value in fields.items()}
        if len(lower) != len(fields):
            raise BadRecord(1216, "Invalid JSON: a key comes twice but for its case")
        return exact(lower)

    return folded if ignore_case else exact


def pick_by_paths(data: bytes, columns: Sequence[str]) -> Pick:
    """The fields a JSONPaths document names, for the columns in their order.

    Raises:
        BadPaths: It is none, or has another number of paths than there are columns.
    """
    try:
        document = json.loads(data.decode())
    except ValueError as error:
        raise BadPaths(f"Invalid JSONPath format: {error}") from error
    if not isinstance(document, dict):
        raise BadPaths("Invalid JSONPath format: not an object")
    if "jsonpaths" not in document:  # Documented: any other key means 'auto'.
        return pick_by_name(columns)
    paths = [parse_path(path) for path in document["jsonpaths"]]
    if len(paths) != len(columns):
        raise BadPaths(
            "Number of jsonpaths and the number of columns should match. JSONPath size: "
            f"{len(paths)}, Number of columns in table or column list: {len(columns)}"
        )
    if all(len(path) == 1 and isinstance(path[0], str) for path in paths):
        return pick_by_name([str(path[0]) for path in paths])
    return lambda fields: [_walk(fields, path) for path in paths]


def parse_path(path: object) -> Path:
    """The steps of a path. Dots and quoted brackets may not be mixed.

    Raises:
        BadPaths: It is no path COPY takes.
    """
    if isinstance(path, str) and path.startswith("$"):
        for notation in (_BRACKETS, _DOTS):
            found = list(notation.finditer(path))
            if found and "".join(["$", *(f.group() for f in found)]) == path:
                return [_step(f.groups()) for f in found]
    raise BadPaths(f"Invalid JSONPath format: {path}")


def _step(groups: Sequence[str | None]) -> str | int:
    if groups[-1] is not None:
        return int(groups[-1])
    return next(name for name in groups if name is not None)


def _walk(value: Any, path: Path) -> Any:
    for step in path:
        if isinstance(step, str) and isinstance(value, Mapping):
            value = value.get(step)
        elif isinstance(step, int) and isinstance(value, list) and step < len(value):
            value = value[step]
        else:
            return None
    return value

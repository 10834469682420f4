"""The JSONPaths document: which log field feeds which column of `staging_events_table`.

Exactly one path of one level for each contract column, `$['name']` or `$.name`, in the columns'
order. In brackets a backslash takes the next character as it is. It is a Redshift document; every
engine honours it.
"""

from __future__ import annotations

import codecs
import hashlib
import json
import re
import reprlib
from collections.abc import Collection, Iterable
from dataclasses import dataclass

from sparkify_dagster.core.text import cited
from sparkify_dagster.lake.errors import DocumentError

_REPR = reprlib.Repr()
_REPR.maxstring = 200  # A path may be a megabyte long, or nested as deep as Python goes.
_NO_NAME = r"\x00\ud800-\udfff"  # Neither a NUL nor a lone surrogate can stand in a field's name.
_BRACKET = re.compile(rf"\$\['((?:[^'\\{_NO_NAME}]|\\[^{_NO_NAME}])+)'\]")
_CURLY = "\N{LEFT SINGLE QUOTATION MARK}\N{RIGHT SINGLE QUOTATION MARK}"
_CURLY += "\N{LEFT DOUBLE QUOTATION MARK}\N{RIGHT DOUBLE QUOTATION MARK}"
_NAMELESS = ("$", "$.", "$[]", "$['']")
_INDEX = re.compile(r"\$\[[0-9:-]+\]")
_DEEPER = re.compile(rf"(?:{_BRACKET.pattern}|\$\.[^.\[\]]+)[.\[]")
_DOT = re.compile(rf"\$\.([^.\[\]'\"\s*{_NO_NAME}]+)")


@dataclass(frozen=True, slots=True)
class JsonPaths:
    """The fields of a log record in the order of the staging columns, and a token of the text."""

    fields: tuple[str, ...]
    token: str


def parse_jsonpaths(
    text: bytes, expected: int, where: str, usual: Collection[str] = ()
) -> JsonPaths:
    """Reads a JSONPaths document.

    Args:
        expected: How many columns it must feed.
        where: Its place, for messages.
        usual: The fields that the columns are named after, for messages.

    Raises:
        DocumentError: It is not such a document; says what is wrong and what to do.
    """
    paths = _paths(text, where)
    fields = tuple(_field(path, number, where) for number, path in enumerate(paths, 1))
    if len(paths) != expected:
        raise DocumentError(
            f"{where}: {len(paths)} paths, but staging_events_table has {expected} columns to "
            f"feed; list exactly {expected}, in the columns' order.{_missing(fields, usual)}"
        )
    return JsonPaths(fields, token_of(fields))


def _missing(fields: Collection[str], usual: Collection[str]) -> str:
    """Where a document and the columns are out of step, if it names the usual fields."""
    lacks = [name for name in usual if name not in fields]
    more = [name for name in fields if name not in usual] if usual else []
    told = [f"It lacks {cited(', '.join(lacks))}."] if lacks else []
    told += [f"No column is named after {cited(', '.join(more)[:200])}."] if more else []
    return "".join(f" {sentence}" for sentence in told)


def token_of(fields: Iterable[str]) -> str:
    """The token of a document that names these fields."""
    return hashlib.sha256("\0".join(fields).encode()).hexdigest()[:16]


def _paths(text: bytes, where: str) -> list[object]:
    if text.startswith(codecs.BOM_UTF8):
        raise DocumentError(
            f"{where}: begins with a byte order mark, which JSON has not; save it as UTF-8 "
            "without one."
        )
    if text.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        raise DocumentError(f"{where}: is UTF-16; save it as UTF-8.")
    try:
        document = json.loads(text.decode())
    except (ValueError, RecursionError) as error:
        raise DocumentError(
            f"{where}: not valid JSON ({error}); mend the JSONPaths file."
        ) from None
    if not isinstance(document, dict) or list(document) != ["jsonpaths"]:
        raise DocumentError(
            f'{where}: a JSONPaths file is one object with the one key "jsonpaths"; mend it.'
        )
    paths = document["jsonpaths"]
    if not isinstance(paths, list):
        raise DocumentError(f'{where}: "jsonpaths" must be a list of paths; mend it.')
    return paths


def _field(path: object, number: int, where: str) -> str:
    if isinstance(path, str):
        if found := _BRACKET.fullmatch(path):
            return re.sub(r"\\(.)", r"\1", found.group(1), flags=re.DOTALL)
        if found := _DOT.fullmatch(path):
            return found.group(1)
    raise DocumentError(
        f"{where}: path {number} is {cited(_REPR.repr(path))}: {_wrong(path)}. "
        "A path names one field, $['name'] or $.name."
    )


def _wrong(path: object) -> str:
    """What is wrong with what is no path of one level, by its looks."""
    if not isinstance(path, str):
        return "not a text"
    if not path.strip():
        return "blank"
    if path != path.strip():
        return "blanks or line breaks before or after it; take them off"
    if any(mark in path for mark in _CURLY):
        return "curly quotes; use straight single ones"
    if not path.startswith("$"):
        return "it does not begin with $"
    if path.startswith('$["'):
        return "double quotes; use single ones"
    if path in _NAMELESS:
        return "it names no field"
    if "*" in path or ".." in path or _INDEX.match(path):
        return "it asks for more than one field, or for one of a list"
    if _DEEPER.match(path):
        return "it leads to a field within a field, and only one level is read"
    return "not spelt as a path"

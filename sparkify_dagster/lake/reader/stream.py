"""Where records begin and end in an object: a stream of JSON objects, not lines.

An object that can be read where a record should begin is a record, however many lines it takes;
where none can be read, the text to the end of that line is no record, and the next line is tried.
What is JSON is what DuckDB's parser takes for it, which `validate` sees records through.

No input takes more than time in proportion to its length, nor recursion: a text in quotes ends on
its line, so a line begins with the same token whatever is believed to be open there. What was seen
of the text while looking for an object in vain thus answers for every line in it.

What belongs here: bounds. What does not: values, and what is fast (`records`, `bulk`).
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

WHITE_SPACE = b" \t\r\n"
LONGEST = 16_777_216
"""Bytes that a record may have; what is longer is none, whatever it holds."""
# A text can be read in one way only, so that to keep no way back only saves memory. Before 3.11.5
# Python reads such a repetition of a group wrongly (python/cpython#106052).
_MANY = b"*+" if sys.version_info >= (3, 11, 5) else b"*"
_GAP = rb"[ \t\r\n]*+"
_UTF8 = (
    rb"[\xc2-\xdf][\x80-\xbf]|\xe0[\xa0-\xbf][\x80-\xbf]|\xed[\x80-\x9f][\x80-\xbf]"
    rb"|[\xe1-\xec\xee\xef][\x80-\xbf]{2}|\xf0[\x90-\xbf][\x80-\xbf]{2}"
    rb"|[\xf1-\xf3][\x80-\xbf]{3}|\xf4[\x80-\x8f][\x80-\xbf]{2}"
)
_HEX = rb"[0-9a-fA-F]"
_ESCAPE = (
    rb'["\\/bfnrt]|u(?:[0-9a-ce-fA-CE-F]%b{3}|[dD][0-7]%b{2}'
    rb"|[dD][89abAB]%b{2}\\u[dD][c-fC-F]%b{2})"
) % ((_HEX,) * 4)
_PLAIN = rb'[^"\\\x00-\x1f\x80-\xff]*+'
_STRING = rb'"%b(?:(?:\\(?:%b)|%b)%b)%b"' % (_PLAIN, _ESCAPE, _UTF8, _PLAIN, _MANY)
_NUMBER = rb"-?(?:0|[1-9][0-9]*+)(?:\.[0-9]++)?(?:[eE][+-]?[0-9]++)?"
_WORD = rb"true|false|null|-?(?i:nan|inf(?:inity)?)"
_SCALAR = rb"(?:%b|%b|%b)" % (_STRING, _NUMBER, _WORD)
_KEY = _STRING + _GAP + b":" + _GAP

# A comma may follow the last member. One match goes over all members that are no brackets, up to
# the bracket that closes, or to one that opens: group 1.
_MEMBERS = {
    ord("{"): rb"(?:%b%b%b%b,)%b%b" % (_GAP, _KEY, _SCALAR, _GAP, _MANY, _GAP),
    ord("["): rb"(?:%b%b%b,)%b%b" % (_GAP, _SCALAR, _GAP, _MANY, _GAP),
}
_BRACKET = {
    ord("{"): rb"(?:\}|%b(?:([{\[])|%b%b\}))" % (_KEY, _SCALAR, _GAP),
    ord("["): rb"(?:\]|([{\[])|%b%b\])" % (_SCALAR, _GAP),
}
_CONTENT = {kind: re.compile(_MEMBERS[kind] + _BRACKET[kind]) for kind in _MEMBERS}
_BEFORE = {kind: re.compile(pattern) for kind, pattern in _MEMBERS.items()}
_AFTER = re.compile(_GAP + rb"(?:,|(?=[}\]]))")
_SPACE = re.compile(_GAP)
GOES_ON = np.zeros((256, 256), bool)
"""Whether a line may end in one byte and the next begin with another within one JSON object."""
GOES_ON[:, list(b":,}]")] = True
GOES_ON[list(b":[,")] = True
GOES_ON[ord("{"), ord('"')] = True


class Piece(NamedTuple):
    """A piece of an object: a record, or the text to the end of a line where none can be read."""

    start: int
    end: int
    line: int
    is_record: bool


class Torn(Exception):
    """A piece reaches out of its region."""


def pieces_of(
    data: bytes, regions: Sequence[tuple[int, int]] = (), first: tuple[int, int] = (0, 1)
) -> Iterator[Piece]:
    """The pieces of an object, in order.

    Args:
        first: A place before the first region, and its line.
        regions: Where to look, everywhere if not given. A record should begin with each of them,
            white space aside, and with what stands behind it.

    Raises:
        Torn: What stands behind a region does not begin with a record.
    """
    scanner = _Scanner(data)
    counted, line = first
    for end, last in regions or [(0, len(data))]:
        while (at := _SPACE.match(data, end).end()) < last:  # type: ignore[union-attr]
            line, counted = line + data.count(b"\n", counted, at), at
            found = scanner.end_of_object(at)
            end = _end_of_line(data, at) if found is None else found
            if end > last:
                raise Torn
            yield Piece(at, end, line, found is not None)


def _end_of_line(data: bytes, at: int) -> int:
    end = data.find(b"\n", at)
    return len(data) if end < 0 else end


class _Scanner:
    """Tells where objects end; asked about places further and further on."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._known = 0
        self._ends: dict[int, int] = {}

    def end_of_object(self, at: int) -> int | None:
        """Where the JSON object that begins there ends; None where there is none.

        Args:
            at: A place where a line begins, white space aside, or a record has ended.
        """
        if self._data[at] != ord("{"):
            return None
        # Up to `_known` all has been seen from within an object that did not end. One that begins
        # there has ended, or stood open with it.
        return self._ends.get(at) if at < self._known else self._scan(at)

    def _scan(self, start: int) -> int | None:
        data, at = self._data, start + 1
        opened = bytearray(b"{")
        begun: list[tuple[int, int]] = []  # Depth and place of those that begin a line.
        ends: dict[int, int] = {}
        while found := _CONTENT[opened[-1]].match(data, at):
            at = found.end()
            if at - start > LONGEST:
                break
            if found[1]:
                opened += found[1]
                if _begins_line(data, at - 1):
                    begun.append((len(opened), at - 1))
                continue
            if begun and begun[-1][0] == len(opened):
                ends[begun.pop()[1]] = at
            opened.pop()
            if not opened:
                return at
            if not (after := _AFTER.match(data, at)):
                break
            at = after.end()
        else:
            at = _BEFORE[opened[-1]].match(data, at).end()  # type: ignore[union-attr]
        self._known, self._ends = at, ends
        return None


def _begins_line(data: bytes, at: int) -> bool:
    while data[at - 1] in b" \t\r":
        at -= 1
    return data[at - 1] == ord("\n")

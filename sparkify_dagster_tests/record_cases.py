"""Cases for "Reading records" of the data contract, to be held against any reader or engine.

Each case is one line without its LF. An event line stands in a log object; a song line stands in
an NDJSON object or is a song object by itself, which must come to the same. A case is accepted
(with the value of every staging column), rejected (with the column to blame, or None where the
record as a whole is at fault), or nothing at all (a line of white space).

`ndjson` packs cases into one object: the line of the case at index i is i + 1. `STREAMS` are whole
objects whose records do not stand one a line.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import Any


class Outcome(Enum):
    """What becomes of a line."""

    ACCEPTED = "accepted"
    REJECTED = "rejected"
    NOTHING = "nothing"


@dataclass(frozen=True)
class AnySpelling:
    """Equal to every text that spells the same number: engines may respell exotic numbers."""

    number: str

    def __eq__(self, other: object) -> bool:
        if isinstance(other, AnySpelling):
            return float(self.number) == float(other.number)
        try:
            return isinstance(other, str) and float(self.number) == float(other)
        except ValueError:
            return False

    def __hash__(self) -> int:
        return hash(float(self.number))


@dataclass(frozen=True)
class RecordCase:
    """One line, and what must become of it.

    With `any_blame` several columns are at fault: `blamed` is the first, but any of them may be
    named by a reader.
    """

    name: str
    raw: bytes
    outcome: Outcome
    values: Mapping[str, Any] | None = None
    blamed: str | None = None
    any_blame: bool = False

    @property
    def row(self) -> tuple[Any, ...]:
        """The accepted values in the order of the staging table's columns."""
        return tuple((self.values or {}).values())


def ndjson(cases: Iterable[RecordCase]) -> bytes:
    """Return one object that holds every case on a line of its own."""
    return b"".join(case.raw + b"\n" for case in cases)


@dataclass(frozen=True)
class StreamCase:
    """An object, and the lines on which its records begin: the good ones, then the rejected ones.

    In `good` a record stands as `GOOD`; it is replaced by one of logs or of songs.
    """

    name: str
    object: bytes
    good: tuple[int, ...] = ()
    rejected: tuple[int, ...] = ()

    def of(self, record: bytes) -> bytes:
        """The object with such records."""
        return self.object.replace(b"GOOD", record)


@dataclass(frozen=True)
class _Maker:
    """Makes cases from a good record: `fields` are JSON texts, `values` what they load as."""

    fields: Mapping[str, str]
    values: Mapping[str, Any]
    columns: Mapping[str, str]

    def line(self, **changes: str | None) -> bytes:
        """Return the good record with fields changed, added, or left out where None."""
        fields = {name: text for name, text in {**self.fields, **changes}.items() if text}
        return "{{{}}}".format(",".join(f'"{k}":{v}' for k, v in fields.items())).encode()

    def accepts(self, name: str, raw: bytes, **values: object) -> RecordCase:
        """Return a case of a whole line that loads."""
        return RecordCase(name, raw, Outcome.ACCEPTED, {**self.values, **values})

    def rejects(self, name: str, raw: bytes, blamed: str | None = None) -> RecordCase:
        """Return a case of a whole line that does not load."""
        return RecordCase(name, raw, Outcome.REJECTED, blamed=blamed)

    def loads(self, name: str, field: str, text: str | None, value: object) -> RecordCase:
        """Return a case of one field whose text loads as the value."""
        return self.accepts(name, self.line(**{field: text}), **{self.columns[field]: value})

    def blames(self, name: str, field: str, text: str | None) -> RecordCase:
        """Return a case of one field whose text does not load."""
        return self.rejects(name, self.line(**{field: text}), self.columns[field])


def _nothing(name: str, raw: bytes) -> RecordCase:
    return RecordCase(name, raw, Outcome.NOTHING)


EVENT_FIELDS = {
    "artist": '"Des\'ree"',
    "auth": '"Logged In"',
    "firstName": '"Kaylee"',
    "gender": '"F"',
    "itemInSession": "1",
    "lastName": '"Summers"',
    "length": "246.30812",
    "level": '"free"',
    "location": '"Phoenix-Mesa-Scottsdale, AZ"',
    "method": '"PUT"',
    "page": '"NextSong"',
    "registration": "1540344794796.0",
    "sessionId": "139",
    "song": '"You Gotta Be"',
    "status": "200",
    "ts": "1541106106796",
    "userAgent": '"\\"Mozilla\\/5.0\\""',
    "userId": '"8"',
}
EVENT_VALUES = {
    "artist": "Des'ree",
    "auth": "Logged In",
    "first_name": "Kaylee",
    "gender": "F",
    "item_in_session": 1,
    "last_name": "Summers",
    "length": 246.30812,
    "level": "free",
    "location": "Phoenix-Mesa-Scottsdale, AZ",
    "method": "PUT",
    "page": "NextSong",
    "registration": 1540344794796.0,
    "session_id": 139,
    "song": "You Gotta Be",
    "status": 200,
    "ts": datetime(2018, 11, 1, 21, 1, 46, 796000),
    "user_agent": '"Mozilla/5.0"',
    "user_id": 8,
}
SONG_FIELDS = {
    "num_songs": "1",
    "artist_id": '"ARMJAGH1187FB546F3"',
    "artist_latitude": "35.14968",
    "artist_longitude": "-90.04892",
    "artist_location": '"Memphis, TN"',
    "artist_name": '"The Box Tops"',
    "song_id": '"SOCIWDW12A8C13D406"',
    "title": '"Soul Deep"',
    "duration": "148.03546",
    "year": "1969",
}
SONG_VALUES = {
    "num_songs": 1,
    "artist_id": "ARMJAGH1187FB546F3",
    "artist_latitude": 35.14968,
    "artist_longitude": -90.04892,
    "artist_location": "Memphis, TN",
    "artist_name": "The Box Tops",
    "song_id": "SOCIWDW12A8C13D406",
    "title": "Soul Deep",
    "duration": 148.03546,
    "year": 1969,
}

EVENT = _Maker(EVENT_FIELDS, EVENT_VALUES, dict(zip(EVENT_FIELDS, EVENT_VALUES, strict=True)))
SONG = _Maker(SONG_FIELDS, SONG_VALUES, {name: name for name in SONG_FIELDS})

BIGGEST_BIGINT = 2**63 - 1
BIGGEST_INTEGER = 2**31 - 1
DEEP = "[" * 3000 + "]" * 3000


def _quoted(text: str) -> str:
    return f'"{text}"'


_EVENT_INTEGERS = [
    EVENT.loads("an integer in quotes is an integer", "sessionId", '"139"', 139),
    EVENT.loads("a bare user id is an integer", "userId", "8", 8),
    EVENT.loads("quoted leading zeros do not count", "userId", '"007"', 7),
    EVENT.loads("many quoted leading zeros do not count", "userId", _quoted("0" * 5000 + "7"), 7),
    EVENT.loads("minus zero is zero", "itemInSession", "-0", 0),
    EVENT.loads("a quoted minus zero is zero", "userId", '"-0"', 0),
    EVENT.loads("a negative integer loads", "userId", '"-8"', -8),
    EVENT.loads("the biggest BIGINT loads", "userId", _quoted(str(BIGGEST_BIGINT)), BIGGEST_BIGINT),
    EVENT.loads("the smallest BIGINT loads", "sessionId", str(-(2**63)), -(2**63)),
    EVENT.loads("a BIGINT above 2^53 is exact", "userId", '"9007199254740993"', 9007199254740993),
    EVENT.loads("the biggest INTEGER loads", "status", str(BIGGEST_INTEGER), BIGGEST_INTEGER),
    EVENT.loads("the smallest INTEGER loads", "itemInSession", str(-(2**31)), -(2**31)),
    EVENT.loads("an empty text in an integer column is NULL", "userId", '""', None),
    EVENT.loads("null in an integer column is NULL", "status", "null", None),
    EVENT.loads("a missing integer is NULL", "userId", None, None),
    EVENT.blames("one above the biggest BIGINT rejects", "userId", _quoted(str(2**63))),
    EVENT.blames("one below the smallest BIGINT rejects", "sessionId", str(-(2**63) - 1)),
    EVENT.blames("one above the biggest INTEGER rejects", "status", str(2**31)),
    EVENT.blames("one below the smallest INTEGER rejects", "itemInSession", str(-(2**31) - 1)),
    EVENT.blames("an integer of 5000 digits rejects", "userId", _quoted("9" * 5000)),
    EVENT.blames("a bare integer of 5000 digits rejects", "sessionId", "9" * 5000),
    EVENT.blames("a fraction in an integer column rejects", "status", "200.5"),
    EVENT.blames("a whole number spelt 1.0 rejects in an integer column", "itemInSession", "1.0"),
    EVENT.blames("a quoted 1.0 rejects in an integer column", "userId", '"1.0"'),
    EVENT.blames("an exponent rejects in an integer column", "status", "2e2"),
    EVENT.blames("a quoted exponent rejects in an integer column", "userId", '"8e0"'),
    EVENT.blames("a boolean in an integer column rejects", "status", "true"),
    EVENT.blames("an array in an integer column rejects", "sessionId", "[139]"),
    EVENT.blames("an object in an integer column rejects", "status", '{"code":200}'),
    EVENT.blames("an empty array in an integer column rejects", "status", "[]"),
    EVENT.blames("an empty object in an integer column rejects", "userId", "{}"),
    EVENT.blames("a word in an integer column rejects", "userId", '"eight"'),
    EVENT.blames("a blank in an integer column rejects", "userId", '" "'),
    EVENT.blames("a blank before an integer rejects", "userId", '" 8"'),
    EVENT.blames("a line feed after an integer rejects", "userId", '"8\\n"'),
    EVENT.blames("a plus sign rejects in an integer column", "userId", '"+8"'),
    EVENT.blames("a lone minus rejects in an integer column", "userId", '"-"'),
    EVENT.blames("two minus signs reject in an integer column", "userId", '"--8"'),
    EVENT.blames("a digit that is not ASCII rejects", "userId", '"٨"'),
    EVENT.blames("a hexadecimal number rejects in an integer column", "userId", '"0x8"'),
    EVENT.blames("an underscore between digits rejects", "userId", '"1_000"'),
    EVENT.blames("the word null in quotes rejects in an integer column", "userId", '"null"'),
    EVENT.blames("NaN rejects in an integer column", "status", "NaN"),
    EVENT.blames("a NUL after an integer rejects", "userId", '"8\\u0000"'),
]

_EVENT_DOUBLES = [
    EVENT.loads("a double in quotes is a double", "length", '"246.5"', 246.5),
    EVENT.loads("an integer in a double column is a double", "length", "246", 246.0),
    EVENT.loads("an exponent in a double column loads", "length", "2.465e2", 246.5),
    EVENT.loads("a quoted exponent in a double column loads", "length", '"2465E-1"', 246.5),
    EVENT.loads("a long integer in a double column loads", "registration", "1" + "0" * 30, 1e30),
    EVENT.loads("a negative double loads", "length", "-0.5", -0.5),
    EVENT.loads(
        "the biggest double loads", "length", "1.7976931348623157e308", 1.7976931348623157e308
    ),
    EVENT.loads("seventeen digits of a double survive", "length", "0.30000000000000004", 0.1 + 0.2),
    EVENT.loads("an empty text in a double column is NULL", "registration", '""', None),
    EVENT.loads("null in a double column is NULL", "length", "null", None),
    EVENT.loads("a missing double is NULL", "registration", None, None),
    EVENT.blames("a double too big to be finite rejects", "length", "1e999"),
    EVENT.blames("a quoted double too big to be finite rejects", "length", '"-1e999"'),
    EVENT.blames("NaN rejects in a double column", "length", "NaN"),
    EVENT.blames("inf rejects in a double column", "length", "inf"),
    EVENT.blames("Infinity rejects in a double column", "length", "Infinity"),
    EVENT.blames("minus Infinity rejects in a double column", "length", "-Infinity"),
    EVENT.blames("a quoted NaN rejects in a double column", "length", '"NaN"'),
    EVENT.blames("a quoted inf rejects in a double column", "length", '"inf"'),
    EVENT.blames("a boolean in a double column rejects", "length", "false"),
    EVENT.blames("an array in a double column rejects", "length", "[1.5]"),
    EVENT.blames("an object in a double column rejects", "registration", '{"at":1}'),
    EVENT.blames("a word in a double column rejects", "length", '"long"'),
    EVENT.blames("a blank in a double column rejects", "length", '" "'),
    EVENT.blames("a blank after a double rejects", "length", '"1.5 "'),
    EVENT.blames("a quoted double without a whole part rejects", "length", '".5"'),
    EVENT.blames("a quoted double without a fraction after its point rejects", "length", '"5."'),
    EVENT.blames("a quoted plus sign rejects in a double column", "length", '"+1.5"'),
    EVENT.blames("quoted leading zeros reject in a double column", "length", '"007.5"'),
    EVENT.blames("a decimal comma rejects in a double column", "length", '"1,5"'),
    EVENT.blames("an underscore rejects in a double column", "length", '"1_0.5"'),
    EVENT.blames("a hexadecimal double rejects", "length", '"0x1p3"'),
]

_EVENT_TIMES = [
    EVENT.loads("a quoted ts loads", "ts", '"1541106106796"', EVENT_VALUES["ts"]),
    EVENT.loads("ts 0 is the epoch", "ts", "0", datetime(1970, 1, 1)),
    EVENT.loads(
        "a negative ts is before the epoch",
        "ts",
        "-1",
        datetime(1969, 12, 31, 23, 59, 59, 999000),
    ),
    EVENT.loads(
        "the first millisecond of year 1 loads", "ts", "-62135596800000", datetime(1, 1, 1)
    ),
    EVENT.loads(
        "the last millisecond of year 9999 loads",
        "ts",
        "253402300799999",
        datetime(9999, 12, 31, 23, 59, 59, 999000),
    ),
    EVENT.blames("a ts before year 1 rejects", "ts", "-62135596800001"),
    EVENT.blames("a ts after year 9999 rejects", "ts", "253402300800000"),
    EVENT.blames("a ts beyond BIGINT rejects", "ts", "9" * 30),
    EVENT.blames("a ts with a fraction rejects", "ts", "1541106106796.5"),
    EVENT.blames("a ts spelt as a double rejects", "ts", "1541106106796.0"),
    EVENT.blames("a ts with an exponent rejects", "ts", "1.541106106796e12"),
    EVENT.blames("a ts that is a date rejects", "ts", '"2018-11-01 21:01:46"'),
    EVENT.blames("a boolean ts rejects", "ts", "true"),
    EVENT.blames("an array for a ts rejects", "ts", "[1541106106796]"),
]

_EVENT_REQUIRED = [
    EVENT.blames("a missing ts rejects", "ts", None),
    EVENT.blames("a null ts rejects", "ts", "null"),
    EVENT.blames("an empty ts rejects", "ts", '""'),
    EVENT.blames("a missing session rejects", "sessionId", None),
    EVENT.blames("an empty session rejects", "sessionId", '""'),
    EVENT.blames("a null item in session rejects", "itemInSession", "null"),
    EVENT.blames("an empty item in session rejects", "itemInSession", '""'),
    EVENT.blames("a missing page rejects", "page", None),
    EVENT.blames("a null page rejects", "page", "null"),
    EVENT.blames("a missing auth rejects", "auth", None),
    EVENT.blames("a null auth rejects", "auth", "null"),
    EVENT.loads("an empty page is present", "page", '""', ""),
    EVENT.loads("an empty auth is present", "auth", '""', ""),
]

_EVENT_TEXTS = [
    EVENT.loads("an empty text stays empty", "artist", '""', ""),
    EVENT.loads("a null text is NULL", "artist", "null", None),
    EVENT.loads("a missing text is NULL", "song", None, None),
    EVENT.loads("blanks around a text stay", "song", '"  Intro  "', "  Intro  "),
    EVENT.loads("an integer in a text column is its text", "artist", "311", "311"),
    EVENT.loads("a long integer is its whole text", "song", "1" * 30, "1" * 30),
    EVENT.loads("a negative integer is its text", "song", "-5", "-5"),
    EVENT.loads("a decimal number is its text", "level", "1.5", AnySpelling("1.5")),
    EVENT.loads("an exponent may be respelt", "song", "1e3", AnySpelling("1e3")),
    EVENT.loads("trailing zeros may be respelt", "song", "1.50", AnySpelling("1.50")),
    EVENT.loads("minus zero may be respelt", "song", "-0", AnySpelling("-0")),
    EVENT.loads("true is a word", "level", "true", "true"),
    EVENT.loads("false is a word in a required column", "page", "false", "false"),
    EVENT.loads("0 counts as present in a required text column", "auth", "0", "0"),
    EVENT.loads("the text null is a text", "artist", '"null"', "null"),
    EVENT.loads("the text NaN is a text", "song", '"NaN"', "NaN"),
    EVENT.loads("letters beyond ASCII load", "artist", '"Björk 🎵"', "Björk 🎵"),
    EVENT.loads("escapes are resolved", "artist", '"Bj\\u00f6rk \\ud83c\\udfb5"', "Björk 🎵"),
    EVENT.loads("escaped line ends are part of the text", "song", '"a\\r\\n\\tb"', "a\r\n\tb"),
    EVENT.loads("neighbours of the surrogates load", "song", '"\\ud7ff\\ue000"', "\ud7ff\ue000"),
    EVENT.loads("a backslash and quotes are part of the text", "song", '"a\\\\\\"b"', 'a\\"b'),
    EVENT.loads(
        "an escaped backslash before ud83d is no surrogate", "song", '"\\\\ud83d"', "\\ud83d"
    ),
    EVENT.loads("a delete character is part of the text", "song", '"a\x7fb"', "a\x7fb"),
    EVENT.loads("a line separator of Unicode ends no line", "song", '"a\u2028b"', "a\u2028b"),
    EVENT.loads("a next-line character ends no line", "song", '"a\u0085b"', "a\u0085b"),
    EVENT.loads("a byte-order mark within a text is part of it", "song", '"\ufeffa"', "\ufeffa"),
    EVENT.blames("an array in a text column rejects", "artist", '["Des\'ree"]'),
    EVENT.blames("an object in a text column rejects", "location", '{"city":"Phoenix"}'),
    EVENT.blames("an empty array in a text column rejects", "song", "[]"),
    EVENT.blames("an empty object in a required text column rejects", "page", "{}"),
    EVENT.blames("NaN rejects in a text column", "song", "NaN"),
    EVENT.blames("nan rejects in a text column", "song", "nan"),
    EVENT.blames("Infinity rejects in a text column", "artist", "Infinity"),
    EVENT.blames("a NUL in a text rejects", "song", '"a\\u0000b"'),
]

_EVENT_LENGTHS = [
    case
    for field, limit in (
        ("artist", 1024),
        ("song", 1024),
        ("location", 1024),
        ("userAgent", 1024),
        ("auth", 256),
        ("firstName", 256),
        ("gender", 256),
        ("lastName", 256),
        ("level", 256),
        ("method", 256),
        ("page", 256),
    )
    for case in (
        EVENT.loads(f"{limit} bytes fit {field}", field, _quoted("x" * limit), "x" * limit),
        EVENT.blames(f"{limit + 1} bytes do not fit {field}", field, _quoted("x" * (limit + 1))),
    )
] + [
    EVENT.loads("512 letters of two bytes fit artist", "artist", _quoted("ö" * 512), "ö" * 512),
    EVENT.blames("513 letters of two bytes do not fit artist", "artist", _quoted("ö" * 513)),
    EVENT.loads("64 signs of four bytes fit level", "level", _quoted("🎵" * 64), "🎵" * 64),
    EVENT.blames("65 signs of four bytes do not fit level", "level", _quoted("🎵" * 65)),
    EVENT.loads(
        "escapes count as what they stand for", "level", _quoted("\\u00f6" * 128), "ö" * 128
    ),
    EVENT.blames("escapes too long when resolved reject", "level", _quoted("\\u00f6" * 129)),
    EVENT.blames("blanks count in the length", "level", _quoted("x" * 256 + " ")),
    EVENT.blames("an integer of 257 digits does not fit level", "level", "1" * 257),
]

_EVENT_SHAPES = [
    EVENT.accepts("a good record loads", EVENT.line()),
    EVENT.accepts("an unknown text is not loaded", EVENT.line(colour='"red"')),
    EVENT.accepts("unknown arrays and objects are not loaded", EVENT.line(extra='[{"a":[1]}]')),
    EVENT.accepts("a deeply nested unknown field is not loaded", EVENT.line(extra=DEEP)),
    *(
        EVENT.accepts(f"{word} in an unknown field is not loaded", EVENT.line(extra=word))
        for word in ("NaN", "nan", "-nAN", "inf", "-INF", "Infinity", "-infinity")
    ),
    EVENT.rejects("half a word for infinity is broken", EVENT.line(extra="infin")),
    EVENT.rejects("a plus sign before infinity is broken", EVENT.line(extra="+inf")),
    EVENT.accepts("a NUL in an unknown field is not loaded", EVENT.line(extra='"\\u0000"')),
    EVENT.accepts("a long unknown field is not loaded", EVENT.line(extra=_quoted("x" * 5000))),
    EVENT.accepts("names differ by case", EVENT.line(userid='"9"', USERID='"10"')),
    EVENT.accepts("column names are no field names", EVENT.line(user_id='"9"', session_id="7")),
    EVENT.accepts("a key repeated in a nested object is not seen", EVENT.line(x='{"a":1,"a":2}')),
    EVENT.accepts("white space around a record is nothing", b" \t" + EVENT.line() + b" \t"),
    EVENT.accepts("a CR at the end of a line is white space", EVENT.line() + b"\r"),
    EVENT.accepts("a CR between two fields is white space", EVENT.line().replace(b",", b",\r", 1)),
    EVENT.accepts("blanks between tokens are white space", EVENT.line().replace(b'":', b'" :\t')),
    EVENT.accepts(
        "an escaped field name is its name", EVENT.line().replace(b'"ts"', b'"\\u0074s"')
    ),
    EVENT.accepts("a trailing comma is allowed", EVENT.line()[:-1] + b",}"),
    EVENT.accepts("a trailing comma in an array is allowed", EVENT.line(extra="[1,2 , ]")),
    EVENT.rejects("a lone comma is broken", EVENT.line(extra="[,]")),
    EVENT.rejects("two trailing commas are broken", EVENT.line()[:-1] + b",,}"),
    EVENT.rejects("a key given twice rejects", EVENT.line()[:-1] + b',"page":"Home"}'),
    EVENT.rejects("a key given twice alike rejects", EVENT.line()[:-1] + b',"page":"NextSong"}'),
    EVENT.rejects("an unknown key given twice rejects", EVENT.line()[:-1] + b',"x":1,"x":1}'),
    EVENT.rejects("a key repeated by an escape rejects", EVENT.line()[:-1] + b',"\\u0074s":1}'),
    EVENT.rejects("a byte-order mark rejects", b"\xef\xbb\xbf" + EVENT.line()),
    EVENT.rejects("a lone high surrogate rejects", EVENT.line(song='"\\ud83d"')),
    EVENT.rejects("a lone low surrogate rejects", EVENT.line(song='"\\udfb5 x"')),
    EVENT.rejects("the first surrogate rejects", EVENT.line(song='"\\uD800"')),
    EVENT.rejects("the last surrogate rejects", EVENT.line(song='"\\uDFFF"')),
    EVENT.rejects("surrogates in the wrong order reject", EVENT.line(song='"\\udfb5\\ud83c"')),
    EVENT.rejects("a lone surrogate in an unknown field rejects", EVENT.line(x='"\\uD83D"')),
    EVENT.rejects("a lone surrogate in an unknown name rejects", EVENT.line(**{"\\ud83d": "1"})),
    EVENT.rejects(
        "an encoded surrogate is not UTF-8", EVENT.line(song='"?"').replace(b"?", b"\xed\xa0\xbd")
    ),
    EVENT.rejects("Latin-1 is not UTF-8", EVENT.line(artist='"Bj?rk"').replace(b"?", b"\xf6")),
    EVENT.rejects(
        "a cut multi-byte letter is not UTF-8", EVENT.line(song='"?"').replace(b"?", b"\xc3")
    ),
    EVENT.rejects(
        "an overlong encoding is not UTF-8", EVENT.line(song='"?"').replace(b"?", b"\xc0\xaf")
    ),
    EVENT.rejects(
        "bad UTF-8 in an unknown field rejects", EVENT.line(x='"?"').replace(b"?", b"\xff")
    ),
    EVENT.rejects("a raw tab within a text is broken", EVENT.line(song='"a\tb"')),
    EVENT.rejects("a raw CR within a text is broken", EVENT.line(song='"a\rb"')),
    EVENT.rejects("a raw NUL within a text is broken", EVENT.line(song='"a\x00b"')),
    EVENT.rejects("an unknown escape is broken", EVENT.line(song='"a\\xb"')),
    EVENT.rejects("a short escape is broken", EVENT.line(song='"\\u00f"')),
    EVENT.rejects("a record cut short is broken", EVENT.line()[:-1]),
    EVENT.rejects("a record cut within a text is broken", EVENT.line()[:20]),
    EVENT.rejects("single quotes are broken", b"{'ts':1}"),
    EVENT.rejects("names without quotes are broken", b"{ts:1}"),
    EVENT.rejects("a comment is broken", b"{/**/" + EVENT.line()[1:]),
    EVENT.rejects("bare leading zeros are broken", EVENT.line(status="0200")),
    EVENT.rejects("a bare plus sign is broken", EVENT.line(status="+200")),
    EVENT.rejects("a bare point without a whole part is broken", EVENT.line(length=".5")),
    EVENT.rejects("a bare point without a fraction is broken", EVENT.line(length="5.")),
    EVENT.rejects("True with a capital is broken", EVENT.line(level="True")),
    EVENT.rejects("a field without a value is broken", EVENT.line()[:-1] + b',"x":}'),
    EVENT.rejects("a field without a colon is broken", EVENT.line()[:-1] + b',"x"}'),
    EVENT.rejects("brackets that do not match are broken", EVENT.line(x="[1}")),
    EVENT.rejects("plain text is broken", b"not JSON at all"),
    EVENT.rejects("an array is no record", b"[" + EVENT.line() + b"]"),
    EVENT.rejects("an empty array is no record", b"[]"),
    EVENT.rejects("a number is no record", b"42"),
    EVENT.rejects("a text is no record", b'"NextSong"'),
    EVENT.rejects("true is no record", b"true"),
    EVENT.rejects("null is no record", b"null"),
    EVENT.rejects("NaN is no record", b"NaN"),
    EVENT.rejects("a deeply nested array is no record", DEEP.encode()),
    EVENT.rejects("brackets without end are broken", b"[" * 5000),
    RecordCase("{} lacks what is required", b"{}", Outcome.REJECTED, blamed="auth", any_blame=True),
    _nothing("an empty line is nothing", b""),
    _nothing("a line of blanks is nothing", b"   "),
    _nothing("a line of a CR is nothing", b"\r"),
    _nothing("a line of all white space is nothing", b" \t\r"),
    EVENT.rejects("a line of a form feed is a record", b" \x0c"),
    EVENT.rejects("a line of a vertical tab is a record", b"\x0b"),
    EVENT.rejects("a line of a no-break space is a record", b"\xc2\xa0"),
    EVENT.rejects("a line of a NUL is a record", b"\x00"),
    EVENT.rejects("a line of a byte-order mark is a record", b"\xef\xbb\xbf"),
]

EVENT_CASES: list[RecordCase] = [
    *_EVENT_INTEGERS,
    *_EVENT_DOUBLES,
    *_EVENT_TIMES,
    *_EVENT_REQUIRED,
    *_EVENT_TEXTS,
    *_EVENT_LENGTHS,
    *_EVENT_SHAPES,
]

_SONG_LENGTHS = [
    case
    for field, limit in (
        ("title", 1024),
        ("artist_name", 1024),
        ("artist_location", 1024),
        ("song_id", 256),
        ("artist_id", 256),
    )
    for case in (
        SONG.loads(f"{limit} bytes fit {field}", field, _quoted("x" * limit), "x" * limit),
        SONG.blames(f"{limit + 1} bytes do not fit {field}", field, _quoted("x" * (limit + 1))),
        SONG.blames(f"too many letters of two bytes for {field}", field, _quoted("é" * 513)),
    )
]

SONG_CASES: list[RecordCase] = [
    SONG.accepts("a good song loads", SONG.line()),
    SONG.loads("an integer in quotes is an integer", "year", '"1969"', 1969),
    SONG.loads("year 0 stays 0 in staging", "year", "0", 0),
    SONG.loads("an empty year is NULL", "year", '""', None),
    SONG.loads("a missing year is NULL", "year", None, None),
    SONG.loads("a null number of songs is NULL", "num_songs", "null", None),
    SONG.loads("the biggest INTEGER loads", "year", str(BIGGEST_INTEGER), BIGGEST_INTEGER),
    SONG.blames("a year beyond INTEGER rejects", "year", str(2**31)),
    SONG.blames("a number of songs beyond INTEGER rejects", "num_songs", str(-(2**31) - 1)),
    SONG.blames("a bigger number of songs rejects", "num_songs", str(2**31)),
    SONG.blames("a year with a fraction rejects", "year", "1969.0"),
    SONG.blames("a boolean year rejects", "year", "true"),
    SONG.blames("an array for a number of songs rejects", "num_songs", "[1]"),
    SONG.loads("null coordinates are NULL", "artist_latitude", "null", None),
    SONG.loads("an empty coordinate is NULL", "artist_longitude", '""', None),
    SONG.loads("a quoted coordinate loads", "artist_latitude", '"-35.5"', -35.5),
    SONG.loads("an integer coordinate loads", "artist_longitude", "90", 90.0),
    SONG.blames("NaN for a coordinate rejects", "artist_latitude", "NaN"),
    SONG.blames("a word for a coordinate rejects", "artist_longitude", '"west"'),
    SONG.loads("a quoted duration loads", "duration", '"148.5"', 148.5),
    SONG.loads("a duration of 0 is present", "duration", "0", 0.0),
    SONG.loads("a duration with an exponent loads", "duration", "1.485e2", 148.5),
    SONG.blames("an infinite duration rejects", "duration", "1e400"),
    SONG.blames("an object for a duration rejects", "duration", '{"s":148}'),
    SONG.blames("a missing duration rejects", "duration", None),
    SONG.blames("a null duration rejects", "duration", "null"),
    SONG.blames("an empty duration rejects", "duration", '""'),
    SONG.blames("a missing song id rejects", "song_id", None),
    SONG.blames("a null song id rejects", "song_id", "null"),
    SONG.blames("a missing artist id rejects", "artist_id", None),
    SONG.blames("a null artist id rejects", "artist_id", "null"),
    SONG.blames("a missing title rejects", "title", None),
    SONG.blames("a null title rejects", "title", "null"),
    SONG.loads("an empty title is present", "title", '""', ""),
    SONG.loads("an empty song id is present", "song_id", '""', ""),
    SONG.loads("an empty location stays empty in staging", "artist_location", '""', ""),
    SONG.loads("a missing artist name is NULL", "artist_name", None, None),
    SONG.loads("a number for a title is its text", "title", "1979", "1979"),
    SONG.loads("an exotic number for a title may be respelt", "title", "1e3", AnySpelling("1e3")),
    SONG.loads("a boolean for an artist name is a word", "artist_name", "true", "true"),
    SONG.loads("blanks around a title stay", "title", '" Soul Deep "', " Soul Deep "),
    SONG.loads("a line feed in a title is part of it", "title", '"Soul\\nDeep"', "Soul\nDeep"),
    SONG.loads("escapes in a title are resolved", "title", '"\\u00c9t\\u00e9 \\/"', "Été /"),
    SONG.blames("an array for a title rejects", "title", '["Soul Deep"]'),
    SONG.blames("an object for an artist name rejects", "artist_name", "{}"),
    SONG.blames("a NUL in a title rejects", "title", '"Soul\\u0000"'),
    SONG.accepts("an unknown field is not loaded", SONG.line(genre='"soul"', tags='["a"]')),
    SONG.accepts("a camel-case name is unknown", SONG.line(songId='"SOX"', Title='"x"')),
    SONG.accepts("a CR at the end is white space", SONG.line() + b"\r"),
    SONG.accepts("a trailing comma is allowed", SONG.line()[:-1] + b",}"),
    SONG.rejects("a key given twice rejects", SONG.line()[:-1] + b',"title":"x"}'),
    SONG.rejects("a byte-order mark rejects", b"\xef\xbb\xbf" + SONG.line()),
    SONG.rejects("a lone surrogate rejects", SONG.line(title='"\\ud83d"')),
    SONG.rejects("Latin-1 is not UTF-8", SONG.line(title='"?"').replace(b"?", b"\xe9")),
    SONG.rejects("a song cut short is broken", SONG.line()[:-1]),
    SONG.rejects("an array is no record", b"[" + SONG.line() + b"]"),
    SONG.rejects("a number is no record", b"42"),
    SONG.rejects("null is no record", b"null"),
    SONG.rejects("plain text is broken", b"oops"),
    RecordCase(
        "{} lacks what is required", b"{}", Outcome.REJECTED, blamed="artist_id", any_blame=True
    ),
    _nothing("an empty line is nothing", b""),
    _nothing("a line of white space is nothing", b" \t\r"),
    SONG.rejects("a line of a form feed is a record", b" \x0c"),
    *_SONG_LENGTHS,
]

STREAMS: list[StreamCase] = [
    StreamCase("records may follow each other without a break", b"GOOD" * 50, (1,) * 50),
    StreamCase("one line may hold two", b"GOOD\n" * 30 + b"GOODGOOD\n", (*range(1, 32), 31)),
    StreamCase("blanks may part them", b" GOOD \t GOOD\r\n\n  GOOD", (1, 1, 3)),
    StreamCase("CR alone parts records and ends no line", b"GOOD\rGOOD\r\n\rGOOD\r", (1, 1, 2)),
    StreamCase("blank lines count", b"\n\r\n \nGOOD\n\n\nGOOD", (4, 7)),
    StreamCase("what follows a record on its line is one reject", b"GOOD,GOOD\nGOOD", (1, 2), (1,)),
    StreamCase("a comma after it is a reject", b"GOOD,\nGOOD,\n", (1, 2), (1, 2)),
    StreamCase("so is a NUL", b"GOOD\x00\nGOOD", (1, 2), (1,)),
    StreamCase("so is a form feed", b"GOOD\x0c\nGOOD", (1, 2), (1,)),
    StreamCase("so is a no-break space", b"GOOD\xc2\xa0\nGOOD", (1, 2), (1,)),
    StreamCase("so is a byte that is not UTF-8", b"GOOD \xff\nGOOD", (1, 2), (1,)),
    StreamCase("what comes before a record takes it along", b"x GOOD\nGOOD", (2,), (1,)),
    StreamCase("a bracket too many is a reject", b"GOOD}GOOD\nGOOD", (1, 2), (1,)),
    StreamCase("a broken line costs itself", b'GOODGOOD\n{"a":\nGOOD', (1, 1, 3), (2,)),
    StreamCase("a broken end of a line, too", b'GOOD{"a":}GOOD\nGOOD', (1, 2), (1,)),
    StreamCase("an array over lines", b"[\nGOOD,\nGOOD\n]", (2, 3), (1, 2, 4)),
    StreamCase("an array on a line", b"GOOD\n[GOOD, GOOD]\n", (1,), (2,)),
    StreamCase("the end is missing", b"GOOD\nGOOD{", (1, 2), (2,)),
    # What is `{}` or only pretends to be some record is rejected, too: it lacks what is required.
    StreamCase("a record within one is part of it", b'{"a":\nGOOD\n}\nGOOD', (4,), (1,)),
    StreamCase("but stands alone where that is broken", b'{"a":\nGOOD\n]\nGOOD', (2, 4), (1, 3)),
    StreamCase(
        "several within a broken one", b'{"a":[\nGOOD,\nGOOD\n}\nGOOD', (2, 3, 5), (1, 2, 4)
    ),
    StreamCase("brackets in texts are text", b'{"a":"}{","b":"}\\"{"}GOOD{"a":"}{"}', (1,), (1, 1)),
    StreamCase("a text ends on its line", b'{"a":"}\nGOOD"}\nGOOD', (2, 3), (1, 2)),
    StreamCase("a broken record over lines", b'{\n"a": 1,\n"b": oops\n}\nGOOD', (5,), (1, 2, 3, 4)),
    StreamCase("an end in the middle of a line", b'{"a":\n1}GOOD{"a":\n2} GOOD', (2, 3), (1, 2)),
    StreamCase("bad bytes later on", b'{"a":\n"\xff"}\nGOOD', (3,), (1, 2)),
]

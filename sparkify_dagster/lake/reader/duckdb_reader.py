"""The SQL with which the reader asks DuckDB's JSON parser about a batch of texts.

These statements run in the reader's own in-memory engine, never in a warehouse: they are DuckDB's
dialect, made from the columns to fill. What belongs here: text. `lake.reader.reader` runs it.
"""

from __future__ import annotations

from collections.abc import Sequence

from sparkify_dagster.lake.reader.record_rules import FIRST_MS, LAST_MS
from sparkify_dagster.model.table import Column, Type

_NO_NUL = r"NOT contains(text, '\u0000')"
_NO_KEY_TWICE = "CASE WHEN drifted THEN len(list_distinct(json_keys(text))) = n ELSE true END"
_INTEGERS = "('UBIGINT', 'BIGINT', 'NULL')"
_NUMBERS = "('DOUBLE', 'UBIGINT', 'BIGINT', 'NULL')"


def fast_query(columns: Sequence[Column], fields: Sequence[str]) -> str:
    """Typed values of every text, and whether they are proven right.

    Gives one column per column, then `object`, `start`, `line`, `is_object` (it is one JSON
    object), `clean` (the values are what `validate` would give) and `drifted` (the record's keys
    are not exactly fields we know).
    """
    slots = {name: number for number, name in enumerate(dict.fromkeys(fields), 1)}
    values = [_value(column, slots[name]) for column, name in zip(columns, fields, strict=True)]
    proofs = [_proof(column, slots[name]) for column, name in zip(columns, fields, strict=True)]
    present = " + ".join(f"(t[{slot + 1}] IS NOT NULL)::INT" for slot in slots.values())
    named = ",\n    ".join(f'{v} AS "{c.name}"' for v, c in zip(values, columns, strict=True))
    inner = (
        f"SELECT object, start, line, text, n <> present AS drifted, t, v, n,\n    {named}\n"
        f"FROM (SELECT *, {present} AS present FROM ({_tokens(list(slots))}))"
    )
    names = ", ".join(f'"{c.name}"' for c in columns)
    clean = "\n    AND ".join(
        [
            "t[1] = 'OBJECT'",
            _NO_NUL,
            _NO_KEY_TWICE,
            *proofs,
        ]
    )
    return (
        f"SELECT {names}, object, start, line,\n  COALESCE(t[1] = 'OBJECT', false) AS is_object,\n"
        f"  COALESCE({clean}, false) AS clean,\n"
        f"  COALESCE(t[1] = 'OBJECT' AND drifted, false) AS drifted\nFROM ({inner})"
    )


def parse_query(fields: Sequence[str]) -> str:
    """What the parser sees in every text: kind of the whole, keys, kind and text of each field."""
    slots = {name: number for number, name in enumerate(dict.fromkeys(fields), 1)}
    kinds = ", ".join(f"t[{slots[name] + 1}]" for name in fields)
    texts = ", ".join(f"v[{slots[name]}]" for name in fields)
    return (
        "SELECT object, line, text, t[1] AS kind,\n"
        "  CASE WHEN t[1] = 'OBJECT' THEN json_keys(text) END AS keys,\n"
        f"  [{kinds}] AS kinds, [{texts}] AS texts\nFROM ({_tokens(list(slots))})"
    )


KIND_QUERY = (
    "SELECT object, line, text, CASE WHEN json_valid(text) THEN json_type(text) END AS kind\n"
    "FROM candidates"
)
"""The first columns of `parse_query`: all there is to tell of texts that are no JSON objects."""

_NAMES, _LONGEST_NAME = 10_000, 256
UNKNOWN_QUERY = (
    f"SELECT object, CASE WHEN n <= {_NAMES} THEN k ELSE '…' END AS field,\n"
    f"  SUM(CASE WHEN n <= {_NAMES} THEN records ELSE 1 END) AS records FROM (\n"
    "    SELECT *, row_number() OVER (ORDER BY records DESC, object, k) AS n FROM (\n"
    f"      SELECT object, left(k, {_LONGEST_NAME}) AS k, COUNT(*) AS records FROM (\n"
    "        SELECT object, unnest(list_distinct(json_keys(text))) AS k FROM candidates)\n"
    "      WHERE NOT list_contains($known, k) GROUP BY ALL))\nGROUP BY ALL"
)
"""Counts the keys no field stands for, by object; `candidates` must be JSON objects.

Of very many the most frequent are told, cut when very long; of the others only how many (`…`).
"""

TWICE_QUERY = (
    "SELECT 1 FROM (SELECT json_keys(text) AS k FROM candidates) "
    "WHERE len(list_distinct(k)) < len(k) LIMIT 1"
)
"""Gives a row where a record has a field twice; `candidates` must be JSON objects."""


def _tokens(fields: Sequence[str]) -> str:
    pointers = ", ".join(_pointer(name) for name in fields)
    return (
        "SELECT object, start, line, text,\n"
        f"  CASE WHEN valid THEN json_type(text, ['$', {pointers}]) END AS t,\n"
        f"  CASE WHEN valid THEN json_extract_string(text, [{pointers}]) END AS v,\n"
        "  CASE WHEN valid THEN len(json_keys(text)) END AS n\n"
        "FROM (SELECT *, json_valid(text) AS valid FROM candidates)"
    )


def _pointer(name: str) -> str:
    return _text("/" + name.replace("~", "~0").replace("/", "~1"))


def _text(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _value(column: Column, slot: int) -> str:
    text = f"v[{slot}]"
    return text if column.type is Type.VARCHAR else _cast(column, text)


def _cast(column: Column, text: str) -> str:
    if column.type is Type.TIMESTAMP:
        number = f"TRY_CAST({text} AS BIGINT)"
        return f"CASE WHEN {number} BETWEEN {FIRST_MS} AND {LAST_MS} THEN epoch_ms({number}) END"
    return f"TRY_CAST({text} AS {column.type})"


def _proof(column: Column, slot: int) -> str:
    """A condition under which the fast value of a column is surely the right one."""
    kind, text, value = f"COALESCE(t[{slot + 1}], 'NULL')", f"v[{slot}]", f'"{column.name}"'
    if column.type is Type.VARCHAR:
        proof = (
            f"({kind} IN ('VARCHAR', 'NULL') AND COALESCE(strlen({text}), 0) <= {column.length})"
        )
        absent = ""
    elif column.type is Type.DOUBLE:
        proof = f"({kind} IN {_NUMBERS})"
        absent = f" AND ({text} IS NULL OR isfinite({value}))"
    else:
        quoted = f"({kind} = 'VARCHAR' AND regexp_full_match({text}, '-?[0-9]+|'))"
        proof = f"({kind} IN {_INTEGERS} OR {quoted})"
        absent = f" AND ({value} IS NOT NULL OR {text} IS NULL OR {text} = '')"
    required = f" AND {value} IS NOT NULL" if column.required else ""
    return proof + absent + required

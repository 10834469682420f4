"""The one reader: bytes of objects in, typed rows and rejects out, the same for every engine.

The fast path asks DuckDB's JSON parser about all candidates of a batch at once and proves records
clean in bulk; whatever is not proven goes, record by record, to `judge`. Both see JSON with the
same parser, so they cannot disagree about what JSON is.

What belongs here: deciding about records. What does not: getting bytes (`store`), cutting them
(`records`), storing rows (`warehouse`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

import duckdb
import pyarrow as pa
import pyarrow.compute as pc

from sparkify_dagster.lake.judge import Parsed, Rejected, Value, judge
from sparkify_dagster.lake.queries import UNKNOWN_QUERY, fast_query, parse_query, whole_query
from sparkify_dagster.lake.records import (
    ARROW_TYPES,
    Candidates,
    NotText,
    is_blank,
    lines_of,
    whole,
)
from sparkify_dagster.model.table import Column

READER_VERSION = "1"
"""Goes up whenever the same bytes may give other rows or rejects; everything is then read anew."""

_RAW_LIMIT = 16_000
_NOT_WHOLE = (duckdb.InvalidInputException, UnicodeDecodeError)
"""What DuckDB raises: its message cites the text, cut perhaps in the midst of a character."""


@dataclass(frozen=True, slots=True)
class Reject:
    """A record that was not accepted.

    Attributes:
        object: Index of its object.
        line: Its line there, from 1.
        reason: Why, without values.
        column: The column to blame, if one is.
        raw_text: The record as it stands; bytes outside UTF-8 escaped, cut when very long.
    """

    object: int
    line: int
    reason: str
    column: str | None
    raw_text: str


@dataclass(slots=True)
class Batch:
    """What was read from a batch of objects.

    Attributes:
        rows: One column per field read, then `object` (index) and `line`.
        rejects: What was not accepted.
        unknown: By object and field that no column takes: the number of records that had it.
    """

    rows: pa.Table
    rejects: list[Reject] = field(default_factory=list)
    unknown: Counter[tuple[int, str]] = field(default_factory=Counter)

    def add(self, other: Batch) -> None:
        """Takes over what another batch holds."""
        self.rows = pa.concat_tables([self.rows, other.rows])
        self.rejects += other.rejects
        self.unknown.update(other.unknown)


@dataclass(frozen=True, slots=True)
class _Doubt:
    """A candidate the fast path could not prove, as the parser saw it."""

    object: int
    line: int
    text: str
    parsed: Parsed


class Reader:
    """Reads records into the columns of one table.

    Args:
        columns: The columns to fill, in order.
        fields: The JSON field that feeds each of them.
        threads: Threads to parse with; 0 for all cores.
    """

    def __init__(self, columns: Sequence[Column], fields: Sequence[str], threads: int = 0) -> None:
        self._columns = tuple(columns)
        self._fields = tuple(fields)
        self._schema = pa.schema(
            [
                *((c.name, ARROW_TYPES[c.type]) for c in columns),
                ("object", pa.int32()),
                ("line", pa.int32()),
            ]
        )
        self._whole = whole_query(self._columns, self._fields)
        self._fast = fast_query(self._columns, self._fields)
        self._parse = parse_query(self._fields)
        self._engine = duckdb.connect(":memory:", config={"preserve_insertion_order": False})
        self._engine.execute("SET TimeZone = 'UTC'")
        if threads:
            self._engine.execute(f"SET threads = {int(threads)}")

    def close(self) -> None:
        """Lets go of the parser's memory."""
        self._engine.close()

    def read_lines(self, objects: Sequence[bytes], first: int = 0) -> Batch:
        """Reads log objects: NDJSON, one record a line.

        Args:
            objects: The bytes of each object.
            first: Index given to the first of them.
        """
        return self._read_candidates(lines_of(objects, first))

    def read_wholes(self, objects: Sequence[bytes], first: int = 0) -> Batch:
        """Reads song objects: one record each, or NDJSON where that is what an object holds."""
        candidates = whole(objects, first)
        batch, doubts = self._fast_path(candidates.rows)
        broken = [item.object for item in doubts if item.parsed.kind is None]
        broken += [item.object for item in candidates.not_text]
        self._judge([item for item in doubts if item.parsed.kind is not None], batch)
        for index in sorted(broken):
            self._read_inside(index, objects[index - first], batch)
        return batch

    def _read_candidates(self, candidates: Candidates) -> Batch:
        batch, doubts = self._fast_path(candidates.rows)
        batch.rejects += [_not_utf8(item) for item in candidates.not_text]
        self._judge([item for item in doubts if not is_blank(item.text)], batch)
        return batch

    def _read_inside(self, index: int, data: bytes, batch: Batch) -> None:
        """An object that is no JSON: NDJSON if one of its lines is an object, else one reject."""
        if is_blank(data):
            return
        lines = lines_of([data], index)
        if any(item.parsed.kind == "OBJECT" for item in self._look_at(lines.rows)):
            batch.add(self._read_candidates(lines))
        else:
            batch.rejects.append(_broken(index, data))

    def _fast_path(self, rows: pa.Table) -> tuple[Batch, list[_Doubt]]:
        """What is proven clean, and the rest, parsed; unknown fields are counted on the way."""
        result = self._proven(rows)
        clean = result["clean"]
        proven = result if pc.all(clean).as_py() is not False else result.filter(clean)
        batch = Batch(proven.select(self._schema.names).cast(self._schema))
        drifted = result.filter(result["drifted"])
        if drifted.num_rows:
            counted = self._ask(UNKNOWN_QUERY, _picked(rows, drifted), known=list(self._fields))
            for item in counted.to_pylist():
                batch.unknown[item["object"], item["field"]] += item["records"]
        if proven.num_rows == result.num_rows:
            return batch, []
        return batch, self._look_at(_picked(rows, result.filter(pc.invert(clean))))

    def _proven(self, rows: pa.Table) -> pa.Table:
        """The answer to the cheaper question where the records allow it, else to the other one.

        A record that does not ends the question for all of its rows: it is then put to each chunk.
        """
        if self._whole is None:
            return self._ask(self._fast, rows)
        try:
            return self._ask(self._whole, rows)
        except _NOT_WHOLE:
            chunks = rows.to_batches()
        if len(chunks) < 2:
            return self._ask(self._fast, rows)
        return pa.concat_tables(self._proven(pa.Table.from_batches([chunk])) for chunk in chunks)

    def _look_at(self, rows: pa.Table) -> list[_Doubt]:
        seen = self._ask(self._parse, rows).to_pylist()
        return [
            _Doubt(
                item["object"],
                item["line"],
                item["text"],
                Parsed(item["kind"], item["keys"] or (), item["kinds"], item["texts"]),
            )
            for item in seen
        ]

    def _judge(self, doubts: Sequence[_Doubt], batch: Batch) -> None:
        """The careful path: adds each candidate to the batch's rows or to its rejects."""
        accepted: list[tuple[Value, ...]] = []
        for item in doubts:
            text = item.text.removesuffix("\n")
            try:
                values = judge(item.parsed, text, self._columns)
            except Rejected as error:
                raw = text[:_RAW_LIMIT]
                batch.rejects.append(
                    Reject(item.object, item.line, error.reason, error.column, raw)
                )
            else:
                accepted.append((*values, item.object, item.line))
        if accepted:
            columns = zip(zip(*accepted, strict=True), self._schema, strict=True)
            arrays = [pa.array(values, field.type) for values, field in columns]
            batch.rows = pa.concat_tables([batch.rows, pa.table(arrays, schema=self._schema)])

    def _ask(self, query: str, rows: pa.Table, **values: object) -> pa.Table:
        self._engine.register("candidates", rows)
        try:
            return self._engine.sql(query, params=values or None).to_arrow_table()
        finally:
            self._engine.unregister("candidates")


def _picked(rows: pa.Table, wanted: pa.Table) -> pa.Table:
    """The candidates that stand in `wanted`, by object and line."""
    return rows.join(
        wanted.select(["object", "line"]), keys=["object", "line"], join_type="left semi"
    )


def _not_utf8(item: NotText) -> Reject:
    raw = item.data.decode("utf-8", "backslashreplace")[:_RAW_LIMIT]
    return Reject(item.object, item.line, "not valid UTF-8", None, raw)


def _broken(index: int, data: bytes) -> Reject:
    raw = data.decode("utf-8", "backslashreplace")[:_RAW_LIMIT]
    return Reject(index, 1, "neither one JSON object nor one on any of its lines", None, raw)

"""The one reader: bytes of objects in, typed rows and rejects out, the same for every engine.

Three paths lead to the same rows. Chunks of records of one shape are proven as a whole (`bulk`).
The others are put to DuckDB's JSON parser, which proves record by record, many at a time. What is
left goes to `validate`, which sees JSON with that same parser.

An object is a stream of records. It is cut where they most likely begin, at line breaks; as long as
each slice is one JSON object, it is one record. From a slice that is none on, `stream` says where
records begin, until it comes to the beginning of a slice again.

What belongs here: deciding about records. What does not: getting bytes (`store`), cutting them
(`records`, `stream`), storing rows (`warehouse`).
"""

from __future__ import annotations

import os
import sys
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import duckdb
import pyarrow as pa
import pyarrow.compute as pc

from sparkify_dagster.lake.reader.arrow_reader import Bulk
from sparkify_dagster.lake.reader.duckdb_reader import (
    KIND_QUERY,
    TWICE_QUERY,
    UNKNOWN_QUERY,
    fast_query,
    parse_query,
)
from sparkify_dagster.lake.reader.formats import LOOKED_AT, what_it_is
from sparkify_dagster.lake.reader.lost_lines import lost_among
from sparkify_dagster.lake.reader.record_rules import Parsed, Rejected, Value, validate
from sparkify_dagster.lake.reader.records import (
    ARROW_TYPES,
    Found,
    Span,
    by_units,
    is_blank,
    is_text,
    picked,
    pieces,
    resolved,
    slices_of,
    units_of,
    whole,
)
from sparkify_dagster.lake.reader.rejects import RAW_LIMIT, Reject, Rejects, TooMuch
from sparkify_dagster.lake.reader.stream import LONGEST, Piece, pieces_of
from sparkify_dagster.model.table import Column

READER_VERSION = "2"
"""Goes up whenever the same bytes may give other rows or rejects; everything is then read anew."""

_RAW_BYTES = 4 * RAW_LIMIT + 4
"""Bytes that surely give so many characters, whatever is cut at their end."""
_TOLD = 1_000
"""Rejects that are told where there are too many."""
_JUDGED_AT_ONCE = 4_096
"""Candidates that are Python objects at the same time."""
_COPIED_AT_ONCE = 4_000_000
"""Bytes of rejects, about, that are there more than once."""
_NO_JSON = (duckdb.InvalidInputException, UnicodeDecodeError)
"""What DuckDB raises: its message cites the text, cut perhaps in the midst of a character."""


@dataclass(slots=True)
class Batch:
    """What was read from a batch of objects.

    Attributes:
        rows: One column per field read, then `object` (index) and `line`.
        rejects: What was not accepted.
        unknown: By object and field that no column takes: the number of records that had it.
        formats: By object with rejects that is no stream of records: what it is.
        most_rejects: How many rejects may be held.
    """

    rows: pa.Table
    rejects: Rejects = field(default_factory=Rejects)
    unknown: Counter[tuple[int, str]] = field(default_factory=Counter)
    formats: dict[int, str] = field(default_factory=dict)
    most_rejects: int = sys.maxsize

    def add(self, other: Batch) -> None:
        """Takes over what another batch holds.

        Raises:
            TooMuch: These are too many rejects.
        """
        self.rows = pa.concat_tables([self.rows, other.rows])
        self.reject(other.rejects)
        self.unknown.update(other.unknown)
        self.formats.update(other.formats)

    def reject(self, rejects: Iterable[Reject]) -> None:
        """Adds rejects.

        Raises:
            TooMuch: These are too many.
        """
        self.rejects += rejects
        if len(self.rejects) > self.most_rejects:
            raise TooMuch(
                f"more than {self.most_rejects:,} records are rejected; mend the objects, or raise "
                "[LOAD] MOST_REJECTS",
                self.rejects.first(_TOLD),
            )

    def without(self, objects: Sequence[int]) -> Batch:
        """The same as if some objects held nothing."""
        gone = set(objects)
        return Batch(
            self.rows.filter(_others(self.rows, objects)),
            Rejects(self.rejects.table.filter(_others(self.rejects.table, objects))),
            Counter({at: n for at, n in self.unknown.items() if at[0] not in gone}),
            {index: what for index, what in self.formats.items() if index not in gone},
            self.most_rejects,
        )


@dataclass(frozen=True, slots=True)
class _Seen:
    """What the fast path made of candidates.

    Attributes:
        batch: What is proven, and the unknown fields of all that are JSON objects.
        doubts: Candidates that are JSON objects, but may not fit the columns.
        broken: Candidates that are none.
    """

    batch: Batch
    doubts: pa.Table
    broken: pa.Table

    def without(self, objects: Sequence[int]) -> _Seen:
        """The same as if some objects held nothing that is proven or in doubt."""
        doubts = self.doubts.filter(_others(self.doubts, objects))
        return _Seen(self.batch.without(objects), doubts, self.broken)


class Reader:
    """Reads records into the columns of one table.

    Args:
        columns: The columns to fill, in order.
        fields: The JSON field that feeds each of them.
        threads: Threads to parse with; 0 for all cores.
    """

    def __init__(self, columns: Sequence[Column], fields: Sequence[str], threads: int = 0) -> None:
        self._columns = tuple(columns)
        self.fields = tuple(fields)
        self._schema = pa.schema(
            [
                *((c.name, ARROW_TYPES[c.type]) for c in columns),
                ("object", pa.int32()),
                ("line", pa.int32()),
            ]
        )
        self._bulk = Bulk(self._columns, self.fields, self._schema)
        self._fast = fast_query(self._columns, self.fields)
        self._parse = parse_query(self.fields)
        self._threads = threads
        self._opened: duckdb.DuckDBPyConnection | None = None
        self._pool = ThreadPoolExecutor(threads or os.cpu_count(), "reader")

    def close(self) -> None:
        """Lets go of the parsers' memory and threads."""
        self._pool.shutdown()
        if self._opened:
            self._opened.close()

    def read_lines(
        self, objects: Sequence[bytes], first: int = 0, most_rejects: int = sys.maxsize
    ) -> Batch:
        """Reads log objects: streams of records, one a line as a rule.

        Args:
            objects: The bytes of each object.
            first: Index given to the first of them.
            most_rejects: How many rejects may be held.

        Raises:
            TooMuch: There are more.
        """
        held = dict(enumerate(objects, first))
        batch = self._nothing(most_rejects)
        self._read_streams(held, batch)
        return _with_formats(batch, held)

    def read_wholes(
        self, objects: Sequence[bytes], first: int = 0, most_rejects: int = sys.maxsize
    ) -> Batch:
        """Reads song objects: one record each, as a rule, else streams like log objects.

        One in which no record can be read at all is one reject. Arguments as of `read_lines`.
        """
        held = dict(enumerate(objects, first))
        candidates = whole(held)
        seen = self._fast_path(candidates.rows)
        seen.batch.most_rejects = most_rejects
        self._judge(seen.doubts, seen.batch)
        others = [*seen.broken["object"].to_pylist(), *candidates.uncut]
        streams = {i: held[i] for i in others if _holds_record(held[i], most_rejects)}
        self._read_streams(streams, seen.batch)
        unread = [i for i in others if i not in streams and not is_blank(held[i])]
        self._take(held, ((i, Piece(0, len(held[i]), 1, False)) for i in unread), seen.batch)
        return _with_formats(seen.batch, held)

    def _nothing(self, most_rejects: int = sys.maxsize) -> Batch:
        return Batch(self._schema.empty_table(), most_rejects=most_rejects)

    def _read_streams(self, objects: Mapping[int, bytes], into: Batch) -> None:
        """Reads objects in bounded pieces; those that cannot be cut at lines are read apart."""
        batch = self._nothing(into.most_rejects)
        uncut: dict[int, None] = {}
        for unit in units_of(objects):
            if spans := [span for span in unit if span.object not in uncut]:
                uncut.update(dict.fromkeys(self._read_unit(objects, spans, batch)))
        into.add(batch.without(list(uncut)) if uncut else batch)
        found = ((index, piece) for index in uncut for piece in pieces_of(objects[index]))
        self._take(objects, found, into)

    def _read_unit(
        self, objects: Mapping[int, bytes], unit: Sequence[Span], batch: Batch
    ) -> list[int]:
        """Adds what can be read by cutting at lines; gives the objects where it cannot."""
        slices = slices_of(objects, unit, self._pool)
        seen = self._fast_path(slices.rows)
        lost, broken = lost_among(objects, unit, slices.rows, seen.broken)
        found, torn = resolved(objects, unit, slices.rows, broken)
        seen = seen.without(torn) if torn else seen
        self._judge(seen.doubts, seen.batch)
        batch.add(seen.batch)
        self._reject_texts(lost.filter(_others(lost, torn)) if torn else lost, batch)
        self._take(objects, found, batch)
        return [*slices.uncut, *torn]

    def _take(self, objects: Mapping[int, bytes], found: Iterable[Found], batch: Batch) -> None:
        """Adds pieces of objects, those that are no records to the rejects."""
        for some in by_units(found):
            longest = [item for item in some if _is_long(item[1])]
            fit = [item for item in some if not _is_long(item[1])] if longest else some
            if records := [item for item in fit if item[1].is_record]:
                more = self._fast_path(pieces(objects, records))
                self._judge(pa.concat_tables([more.doubts, more.broken]), more.batch)
                batch.add(more.batch)
            self._reject(objects, [item for item in fit if not item[1].is_record], batch)
            batch.reject(
                Reject(index, piece.line, f"longer than {LONGEST:,} bytes", None, _raw(data))
                for index, piece in longest
                for data in [objects[index][piece.start : piece.start + _RAW_BYTES]]
            )

    def _reject(self, objects: Mapping[int, bytes], garbage: Sequence[Found], batch: Batch) -> None:
        """Adds what is no record to the rejects, each with its reason."""
        text: list[Found] = []
        others: list[Reject] = []
        for index, piece in garbage:
            data = objects[index][piece.start : piece.end]
            if is_text(data):
                text.append((index, piece))
            else:
                others.append(Reject(index, piece.line, "not valid UTF-8", None, _raw(data)))
        batch.reject(others)
        if text:
            self._reject_texts(pieces(objects, text), batch)

    def _reject_texts(self, rows: pa.Table, batch: Batch) -> None:
        """Adds texts that are no JSON objects to the rejects."""
        step = _COPIED_AT_ONCE * rows.num_rows // (rows.nbytes + 1) + 1
        for start in range(0, rows.num_rows, step):
            batch.reject(Rejects.of_texts(self._ask(KIND_QUERY, rows.slice(start, step))))

    def _fast_path(self, rows: pa.Table) -> _Seen:
        """What is proven clean, and the rest; unknown fields are counted on the way."""
        batch, rest = self._in_bulk(rows)
        if not rest.num_rows:
            return _Seen(batch, rest, rest)
        result = self._ask(self._fast, rest)
        proven = result.filter(result["clean"]).select(self._schema.names).cast(self._schema)
        batch.rows = pa.concat_tables([batch.rows, proven])
        places = result.select(["object", "start"])
        drifted = places.filter(result["drifted"])
        if drifted.num_rows:
            self._count_unknown(picked(rest, drifted), batch)
        if proven.num_rows == result.num_rows:
            return _Seen(batch, rest.slice(0, 0), rest.slice(0, 0))
        return _Seen(
            batch,
            picked(rest, places.filter(pc.and_not(result["is_object"], result["clean"]))),
            picked(rest, places.filter(pc.invert(result["is_object"]))),
        )

    def _in_bulk(self, rows: pa.Table) -> tuple[Batch, pa.Table]:
        """What is proven chunk by chunk, and the candidates of the other chunks."""
        chunks = rows.to_batches()
        proven, rest, drifted = [self._schema.empty_table()], [], []
        for chunk, found in zip(chunks, self._pool.map(self._bulk.read, chunks), strict=True):
            if found is None:
                rest.append(chunk)
            elif found.drifted:
                drifted.append((chunk, found))
            else:
                proven.append(found.rows)
        batch = Batch(pa.concat_tables(proven))
        if drifted:
            candidates = pa.Table.from_batches([chunk for chunk, _ in drifted])
            if self._has_each_key_once(candidates):
                self._count_unknown(candidates, batch)
                batch.rows = pa.concat_tables([batch.rows, *(found.rows for _, found in drifted)])
            else:
                rest += [chunk for chunk, _ in drifted]
        return batch, pa.Table.from_batches(rest, rows.schema)

    def _has_each_key_once(self, rows: pa.Table) -> bool:
        """Whether no record has a field twice, and DuckDB's parser takes them all for JSON."""
        try:
            return not self._ask(TWICE_QUERY, rows).num_rows
        except _NO_JSON:
            return False

    def _count_unknown(self, rows: pa.Table, batch: Batch) -> None:
        counted = self._ask(UNKNOWN_QUERY, rows, known=list(self.fields))
        for item in counted.to_pylist():
            batch.unknown[item["object"], item["field"]] += int(item["records"])

    def _judge(self, rows: pa.Table, batch: Batch) -> None:
        """The careful path: adds each candidate to the batch's rows or to its rejects."""
        for start in range(0, rows.num_rows, _JUDGED_AT_ONCE):
            some = self._ask(self._parse, rows.slice(start, _JUDGED_AT_ONCE))
            self._judge_some(some, batch)

    def _judge_some(self, seen: pa.Table, batch: Batch) -> None:
        accepted: list[tuple[Value, ...]] = []
        rejects: list[Reject] = []
        for at, line, text, *parsed in zip(*(c.to_pylist() for c in seen.columns), strict=True):
            text = text.removesuffix("\n")
            try:
                values = validate(Parsed(*parsed), text, self._columns)
            except Rejected as error:
                rejects.append(Reject(at, line, error.reason, error.column, text[:RAW_LIMIT]))
            else:
                accepted.append((*values, at, line))
        batch.reject(rejects)
        if accepted:
            columns = zip(zip(*accepted, strict=True), self._schema, strict=True)
            arrays = [pa.array(values, field.type) for values, field in columns]
            batch.rows = pa.concat_tables([batch.rows, pa.table(arrays, schema=self._schema)])

    def _ask(self, query: str, rows: pa.Table, **values: object) -> pa.Table:
        engine = self._engine()
        engine.register("candidates", rows)
        try:
            return engine.sql(query, params=values or None).to_arrow_table()
        finally:
            engine.unregister("candidates")

    def _engine(self) -> duckdb.DuckDBPyConnection:
        """DuckDB's parser; a lake whose chunks are all proven never needs it."""
        if self._opened is None:
            self._opened = duckdb.connect(":memory:", config={"preserve_insertion_order": False})
            self._opened.execute("SET TimeZone = 'UTC'")
            if self._threads:
                self._opened.execute(f"SET threads = {int(self._threads)}")
        return self._opened


def _with_formats(batch: Batch, objects: Mapping[int, bytes]) -> Batch:
    for index in batch.rejects.table["object"].unique().to_pylist():
        if what := what_it_is(objects[index][:LOOKED_AT]):
            batch.formats[index] = what
    return batch


def _others(rows: pa.Table, objects: Sequence[int]) -> pa.ChunkedArray:
    """For each row, whether it is of none of these objects."""
    return pc.invert(pc.is_in(rows["object"], pa.array(objects, pa.int32())))


def _raw(data: bytes) -> str:
    return data.decode("utf-8", "backslashreplace")[:RAW_LIMIT]


def _is_long(piece: Piece) -> bool:
    return piece.end - piece.start > LONGEST


def _holds_record(data: bytes, most_rejects: int) -> bool:
    """Whether it surely does, or would be read as a stream in vain: then that says so."""
    return b"{" in data and any(
        piece.is_record or number >= most_rejects for number, piece in enumerate(pieces_of(data))
    )

"""Rows as files that COPY reads: newline-delimited JSON, gzipped, tens of megabytes each.

What belongs here: writing rows so that COPY gets back exactly the same values. What does not:
where the files go (`session`).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import duckdb
import pyarrow as pa

from sparkify_dagster.model.ddl import literal, quoted

PACK_BYTES = 256_000_000
"""Bytes of rows in memory that go into one file; JSON and gzip make about a tenth of it."""


def write_packs(rows: pa.Table, folder: Path) -> Iterator[Path]:
    """Writes rows as files, one after the other; field names are the column names.

    Args:
        rows: Rows of plain columns: texts, numbers, times, days, booleans.
        folder: Where the files go; each may be removed before the next is asked for.
    """
    with closing(duckdb.connect(":memory:")) as engine:
        engine.execute("SET TimeZone = 'UTC'")
        for number, part in enumerate(_parts(rows)):
            path = folder / f"{number}.json.gz"
            engine.register("part", part)
            engine.execute(
                f"COPY (SELECT {_fields(part.schema)} FROM part) TO {literal(path.as_posix())} "
                "(FORMAT json, COMPRESSION gzip)"
            )
            engine.unregister("part")
            yield path


def _parts(rows: pa.Table) -> Iterator[pa.Table]:
    count = max(1, -(-rows.nbytes // PACK_BYTES))
    size = -(-rows.num_rows // count) or 1
    for first in range(0, rows.num_rows, size):
        yield rows.slice(first, size)


def _fields(schema: pa.Schema) -> str:
    """What is written for each column: doubles as text, since COPY may cut JSON's numbers."""
    return ", ".join(
        f"CAST({quoted(f.name)} AS VARCHAR) AS {quoted(f.name)}"
        if pa.types.is_floating(f.type)
        else quoted(f.name)
        for f in schema
    )

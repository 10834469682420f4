"""UNLOAD: many rows as Parquet by way of the staging area.

What belongs here: the text of the statement, and the files it leaves as Arrow. Sending it is
`session`'s. Source: Amazon Redshift, "UNLOAD". Where there is no row it writes nothing.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pyarrow as pa

from sparkify_dagster.lake.store.staging_area import StagingArea
from sparkify_dagster.model.ddl import literal
from sparkify_dagster.warehouse.redshift.copy import role_text

UNLOADED_QUERY = "SELECT pg_last_unload_count()"
_CHUNK = 100_000


def unload_text(select: str, prefix: str, role: str, region: str) -> str:
    """The statement: files that hold the rows in the order of the SELECT, and their manifest."""
    return "\n".join(
        [
            f"UNLOAD ({literal(select)})",
            f"TO {literal(prefix)}",
            f"IAM_ROLE {role_text(role)}",
            "FORMAT AS PARQUET",
            "MANIFEST",
            "PARALLEL OFF",
            f"REGION {literal(region)}",
        ]
    )


@contextmanager
def unloaded(
    staging: StagingArea, prefix: str, staged: dict[str, str]
) -> Iterator[pa.RecordBatchReader]:
    """The rows that were unloaded, in their order.

    Args:
        prefix: What the names of the files begin with; blank where there are no rows.
        staged: Is told of the files, which are of no use to anybody else.
    """
    with tempfile.TemporaryDirectory(prefix="sparkify-") as folder:
        uris = _unloaded(staging, prefix, Path(folder, "manifest")) if prefix else []
        staged |= dict(zip(uris, uris, strict=True))
        yield reader_of(staging.get_file(u, Path(folder, str(n))) for n, u in enumerate(uris[1:]))


def _unloaded(staging: StagingArea, prefix: str, path: Path) -> list[str]:
    """The URIs of the manifest and of the files that it names."""
    manifest = f"{prefix}manifest"
    entries = json.loads(staging.get_file(manifest, path).read_bytes())["entries"]
    return [manifest, *sorted(entry["url"] for entry in entries)]


def reader_of(paths: Iterable[Path]) -> pa.RecordBatchReader:
    """The rows of Parquet files, one file after the other; of none no columns, either."""
    from pyarrow import parquet

    # Times that are INT96 have more room than nanoseconds have.
    files = [parquet.ParquetFile(path, coerce_int96_timestamp_unit="us") for path in paths]
    schema = files[0].schema_arrow if files else pa.schema([])
    batches = (batch for file in files for batch in file.iter_batches(_CHUNK))
    return pa.RecordBatchReader.from_batches(schema, batches)

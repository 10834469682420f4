"""The same rows by DuckDB's own `.df()`."""

from __future__ import annotations

import duckdb
import pandas  # noqa: F401  imports are not timed

from bench.contenders.clock import Clock
from bench.contenders.lake import arguments


def main() -> None:
    """Asks for them once, of the warehouse in the folder named on the command line."""
    _, out = arguments()
    clock = Clock()
    with duckdb.connect(str(out / "warehouse.duckdb"), read_only=True) as connection:
        frame = connection.sql("SELECT * FROM sparkify.staging_events_table").df()
    clock.tell(rows=len(frame))


if __name__ == "__main__":
    main()

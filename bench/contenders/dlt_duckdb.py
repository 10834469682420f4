"""dlt into DuckDB: its pipeline loads both staging tables, the platform's SELECTs make the star."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dlt
import orjson

from bench.contenders import sql
from bench.contenders.clock import Clock
from bench.contenders.lake import EVENT_FIELDS, SONG_FIELDS, STAR, arguments, day_of, files

TYPES = {"VARCHAR": "text", "DOUBLE": "double", "INTEGER": "bigint", "BIGINT": "bigint"}
STAGED = """
CREATE OR REPLACE VIEW sparkify.staged AS
SELECT * REPLACE (make_timestamp(ts * 1000) AS ts, CAST(NULLIF(user_id, '') AS BIGINT) AS user_id)
FROM sparkify.staging_events_table
"""


def events(lake: Path) -> Iterator[list[dict[str, Any]]]:
    """The log records of each file, with its day."""
    for path in files(lake / "log_data"):
        day = day_of(path)
        with open(path, "rb") as file:
            yield [orjson.loads(line) | {"log_date": day} for line in file]


def songs(lake: Path) -> Iterator[list[dict[str, Any]]]:
    """The song records."""
    yield [orjson.loads(Path(path).read_bytes()) for path in files(lake / "song_data")]


def resources(lake: Path) -> list[Any]:
    """Both staging tables, with the types of their columns: so none is guessed or split."""
    event_types = _hints(EVENT_FIELDS) | {"log_date": {"data_type": "date"}}
    shared = {"write_disposition": "replace", "max_table_nesting": 0}
    return [
        dlt.resource(events(lake), name="staging_events_table", columns=event_types, **shared),
        dlt.resource(
            songs(lake), name="staging_songs_table", columns=_hints(SONG_FIELDS), **shared
        ),
    ]


def make_star(pipeline: dlt.Pipeline, clock: Clock) -> None:
    """Makes the five tables from staging."""
    relations = sql.relations() | {"staging_events_table": "sparkify.staged"}
    with pipeline.sql_client() as client:
        for statement in (*sql.DIALECT, STAGED):
            client.execute_sql(statement)
        for name in STAR:
            with clock.step(name):
                made = sql.select(name, relations)
                client.execute_sql(f'CREATE TABLE sparkify."{name}" AS {made}')


def main() -> None:
    """Makes the five tables of the lake named on the command line."""
    os.environ["RUNTIME__DLTHUB_TELEMETRY"] = "false"
    lake, out = arguments()
    clock = Clock()
    pipeline = dlt.pipeline(
        "bench",
        pipelines_dir=str(out / "dlt"),
        destination=dlt.destinations.duckdb(str(out / "warehouse.duckdb")),
        dataset_name="sparkify",
    )
    with clock.step("staging"):
        pipeline.run(resources(lake))
    make_star(pipeline, clock)
    clock.tell()


def _hints(fields: dict[str, str]) -> dict[str, Any]:
    return {name: {"data_type": TYPES[kind]} for name, kind in fields.items()}


if __name__ == "__main__":
    main()

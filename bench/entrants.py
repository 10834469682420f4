"""Who takes part: each contender's name, what it is, and the words that start it.

What belongs here: the list. What each does stands in `contenders`; which of them a case asks for,
in `plan`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal


@dataclass(frozen=True, slots=True)
class Entrant:
    """A contender.

    Attributes:
        said: What it is, for the table.
        python: Whose packages it needs: the platform's environment, or that of the peers.
        module: Its program below `contenders`; blank for the command line `sparkify`.
        command: The command of `sparkify`.
        settings: Variables that set the platform otherwise than by default.
    """

    name: str
    said: str
    python: Literal["platform", "peers"]
    module: str = ""
    command: tuple[str, ...] = ()
    settings: tuple[tuple[str, str], ...] = ()

    def words(self, pythons: Mapping[str, str], lake: Path, out: Path) -> list[str]:
        """What starts it."""
        python = pythons[self.python]
        if self.module:
            return [python, "-m", f"bench.contenders.{self.module}", str(lake), str(out)]
        return [python, "-m", "sparkify_dagster", *self.command]


def _peer(name: str, said: str, module: str) -> Entrant:
    return Entrant(name, said, "peers", module)


def _ours(name: str, said: str, module: str = "", *command: str) -> Entrant:
    return Entrant(name, said, "platform", module, command)


ENTRANTS = {
    entrant.name: entrant
    for entrant in (
        _peer("floor", "hand-written DuckDB script", "floor"),
        _peer("floor+marts", "the same with the ten marts", "floor_marts"),
        _ours("engine", "the platform's engine work", "engine"),
        _ours("dagster", "the platform through a Dagster run", "dagster_run"),
        Entrant(
            "engine, 2 GB",
            "the same with [DUCKDB] MEMORY_LIMIT = 2GB",
            "platform",
            "engine",
            settings=(("SPARKIFY_DUCKDB__MEMORY_LIMIT", "2GB"),),
        ),
        _ours("etl", "the platform, `sparkify etl`", "", "etl"),
        _peer("plain duckdb", "DuckDB alone, read_json over the songs", "plain_duckdb"),
        _peer("polars", "polars to Parquet, no database", "polars_parquet"),
        _peer("pandas", "pandas to DuckDB", "pandas_duckdb"),
        _peer("dbt", "dbt-duckdb, the platform's SELECTs", "dbt_duckdb"),
        _peer("dlt", "dlt to DuckDB, the platform's SELECTs", "dlt_duckdb"),
        _peer("pyspark", "PySpark local, the platform's SELECTs", "spark_local"),
        _ours("row by row", "psycopg2 on PostgreSQL, row by row", "row_by_row"),
        _peer("read bytes", "listing and reading the song files only", "read_bytes"),
        _peer("floor, a day", "hand-written DuckDB script for a new day", "floor_day"),
        _ours("hostile", "loading the log days of a hostile lake", "log_days"),
        _ours("good records", "the same of as many bytes of good records", "log_days"),
        _ours("bare", "a Dagster run of an op that does nothing, as a process", "bare_run"),
        _ours("warm", "the platform's run in a process that is warm", "warm_run"),
        _ours("rebuild", "star and marts alone, from what is staged", "rebuild"),
        _peer("selects", "the floor's SELECTs of star and marts alone", "floor_selects"),
        _ours("pages", "previews, plots and the report of a load", "pages"),
        _peer("pathway", "Pathway, a stream that follows the folders", "pathway_live"),
        _ours("watch", "`sparkify watch`, the same with marts", "watch"),
        _ours("frame", "all staged events as a data frame, by the Python door", "frame"),
        _ours("df", "the same by DuckDB's own .df()", "frame_df"),
        _ours("tick", "a tick of the sensor, nothing new", "sensor_tick"),
        _ours("status", "`sparkify status`", "", "status"),
        _ours("help", "`sparkify --help`", "", "--help"),
    )
}
"""The contenders by name."""

"""What Dagster knows of each asset before anything is loaded: its columns, lineage, code, days.

What belongs here: Dagster's words for what the model and the lineage say, and links to files of
this package. What is told of a load is `metadata`'s.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Mapping
from datetime import date, timedelta
from importlib.resources import files
from pathlib import Path
from types import ModuleType
from typing import Any

import dagster as dg

from sparkify_dagster.lineage.graph import origins_of
from sparkify_dagster.lineage.words import column_map
from sparkify_dagster.model import marts, staging, star
from sparkify_dagster.model.catalog import STAGING, TABLES, model_version
from sparkify_dagster.model.ddl import relations
from sparkify_dagster.model.marts import MARTS
from sparkify_dagster.model.staging import STAGING_EVENTS, STAGING_SONGS
from sparkify_dagster.model.star import STAR
from sparkify_dagster.model.statements import statement
from sparkify_dagster.model.table import Column, Layer, Table
from sparkify_dagster.pipeline import load_events, load_songs

OWNERS = ["team:data-platform"]
SONG_DATA, LOG_DATA, LOG_JSONPATH = "song_data", "log_data", "log_json_path"
_SELDOM = 15
"""The catalogue is published only when it changes, which days without new songs do not make bad."""
_READS_LAKE = {
    STAGING_SONGS.name: [SONG_DATA],
    STAGING_EVENTS.name: [LOG_DATA, LOG_JSONPATH],
}
_DECLARED: Mapping[Layer, ModuleType] = {
    Layer.STAGING: staging,
    Layer.STAR: star,
    Layer.MART: marts,
}
_LOADED: Mapping[str, ModuleType] = {
    STAGING_SONGS.name: load_songs,
    STAGING_EVENTS.name: load_events,
}


def log_days(first: date, last: date | None) -> dg.DailyPartitionsDefinition:
    """One partition per log day, both ends included; `last` None goes on to today.

    Daily, never dynamic: dynamic partitions keep their keys in order of arrival, so that a range of
    them is no range of days.
    """
    end = (last + timedelta(days=1)).isoformat() if last else None
    # Without the offset a day is no partition before it is over.
    return dg.DailyPartitionsDefinition(
        first.isoformat(), end_date=end, end_offset=0 if last else 1
    )


def source_specs(locations: Mapping[str, str], days: dg.PartitionsDefinition) -> list[dg.AssetSpec]:
    """The lake's three places: nobody here makes them, everything starts with them.

    Args:
        locations: Where each lies, by asset name.
    """
    meanings = {
        SONG_DATA: "The song catalogue: one small JSON object per file.",
        LOG_DATA: "The activity logs: streams of JSON objects, each for one log day.",
        LOG_JSONPATH: "The JSONPaths document: which log field feeds which staging column.",
    }
    return [
        dg.AssetSpec(
            name,
            group_name="lake",
            kinds={"s3" if locations[name].startswith("s3://") else "file", "json"},
            owners=OWNERS,
            description=meaning,
            metadata={"dagster/uri": locations[name]},
            partitions_def=days if name == LOG_DATA else None,
        )
        for name, meaning in meanings.items()
    ]


def table_specs(
    engine: str,
    schema: str,
    location: str,
    days: dg.PartitionsDefinition,
    *,
    stale_hours: int = 0,
    with_lineage: bool = True,
) -> list[dg.AssetSpec]:
    """Every staging, dimension and fact table, and every mart.

    Args:
        stale_hours: Hours without a publication after which a table is stale; 0: never.
        with_lineage: Say which column comes from which; it takes a while to find out.
    """
    return [
        _table_spec(table, engine, schema, location, days)
        .replace_attributes(freshness_policy=_freshness(table, stale_hours))
        .merge_attributes(metadata=lineage_metadata(table) if with_lineage else {})
        for table in (*STAGING, *STAR, *MARTS)
    ]


def table_schema(table: Table) -> dg.TableSchema:
    """A table's columns as the UI shows them."""
    return dg.TableSchema(
        columns=[_column(table, column) for column in table.columns],
        constraints=dg.TableConstraints(
            other=[] if table in STAGING else [f"unique: {', '.join(table.key)}"]
        ),
    )


def _table_spec(
    table: Table, engine: str, schema: str, location: str, days: dg.PartitionsDefinition
) -> dg.AssetSpec:
    return dg.AssetSpec(
        table.name,
        deps=_READS_LAKE.get(table.name) or _made_assets(table.reads),
        group_name=table.layer.value,
        kinds={engine, table.kind} if table.layer is Layer.STAGING else {engine, "sql", table.kind},
        owners=OWNERS,
        description=table.meaning,
        code_version=model_version(table.name),
        partitions_def=days if table is STAGING_EVENTS else None,
        metadata={
            "dagster/table_name": f"{schema}.{table.name}",
            "dagster/uri": location,
            "dagster/column_schema": table_schema(table),
            **code_metadata(table, schema),
        },
        tags={"layer": table.layer.value},
    )


def _made_assets(tables: Iterable[str]) -> list[str]:
    """Those of some tables that are assets: what loads keep for themselves is none."""
    return [name for name in tables if TABLES[name].layer is not Layer.LEDGER]


def _freshness(table: Table, hours: int) -> dg.FreshnessPolicy | None:
    """When Dagster calls a table stale; it warns at half the time."""
    if not hours:
        return None
    window = timedelta(hours=hours * (_SELDOM if table is STAGING_SONGS else 1))
    return dg.FreshnessPolicy.time_window(fail_window=window, warn_window=window / 2)


def _column(table: Table, column: Column) -> dg.TableColumn:
    other = [f"references {r.table}" for r in table.references if r.column == column.name]
    if column.accepted:
        other.append(f"expected: {', '.join(column.accepted)}")
    return dg.TableColumn(
        column.name,
        column.sql_type,
        description=column.meaning,
        constraints=dg.TableColumnConstraints(
            nullable=not column.required,
            unique=table.key == (column.name,),
            other=other,
        ),
        tags={"audit": ""} if column.audit else None,
    )


def lineage_metadata(table: Table) -> dict[str, object]:
    """What each column of a table comes from, one step up: fields of the lake, or columns.

    Columns that only decide about rows stand in the readable map alone: to Dagster a column either
    depends on another or does not.
    """
    deps = {
        column: [
            dg.TableColumnDep(asset_key=dg.AssetKey(ref.table), column_name=ref.column)
            for ref in sorted(origin.values)
        ]
        for column, origin in origins_of(table.name).items()
    }
    return {
        "dagster/column_lineage": dg.TableColumnLineage(deps),
        "column_map": dg.MetadataValue.md(column_map(table.name)),
    }


def code_metadata(table: Table, schema: str) -> dict[str, Any]:
    """Links to the code of a table, and its defining SELECT, fit to be run, where it has one."""
    declared = Path(str(_DECLARED[table.layer].__file__))
    links = [_link(declared, "its columns", _line(declared, table))]
    if table.name in _LOADED:
        links.append(_link(Path(str(_LOADED[table.name].__file__)), "its load"))
    metadata: dict[str, Any] = {}
    if table.sql:
        text = statement(table.sql, relations(schema))
        links.insert(0, _link(_sql_file(table.sql), "its SQL"))
        metadata["sql_file"] = dg.MetadataValue.text(f"sparkify_dagster/model/sql/{table.sql}")
        metadata["sql"] = dg.MetadataValue.md(f"```sql\n{text}\n```")
    with warnings.catch_warnings():
        # Links to code are beta. Ours may fall away; the SQL and its file are told as text, too.
        warnings.simplefilter("ignore", dg.BetaWarning)
        metadata["dagster/code_references"] = dg.CodeReferencesMetadataValue(code_references=links)
    return metadata


def _link(file: Path, label: str, line: int = 1) -> dg.LocalFileCodeReference:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", dg.BetaWarning)
        return dg.LocalFileCodeReference(file_path=str(file), line_number=line, label=label)


def _sql_file(path: str) -> Path:
    return Path(str(files("sparkify_dagster.model").joinpath("sql", path)))


def _line(file: Path, table: Table) -> int:
    """The line on which a table's declaration begins; the first where it is not found."""
    for number, line in enumerate(file.read_text("utf-8").splitlines(), 1):
        if f'name="{table.name}"' in line:
            return number
    return 1

"""What Dagster knows of each asset, from the model: key, group, kinds, columns, dependencies."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import timedelta

import dagster as dg

from sparkify_dagster.defs.code_versions import code_metadata
from sparkify_dagster.defs.column_lineage import lineage_metadata
from sparkify_dagster.model.catalog import STAGING, TABLES, model_version
from sparkify_dagster.model.marts import MARTS
from sparkify_dagster.model.staging import STAGING_EVENTS, STAGING_SONGS
from sparkify_dagster.model.star import STAR
from sparkify_dagster.model.table import Column, Layer, Table

OWNERS = ["team:data-platform"]
SONG_DATA, LOG_DATA, LOG_JSONPATH = "song_data", "log_data", "log_json_path"
_SELDOM = 15
"""The catalogue is published only when it changes, which days without new songs do not make bad."""
_READS_LAKE = {
    STAGING_SONGS.name: [SONG_DATA],
    STAGING_EVENTS.name: [LOG_DATA, LOG_JSONPATH],
}


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

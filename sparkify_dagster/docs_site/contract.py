"""The tables as a data contract that other tools read (Open Data Contract Standard).

What belongs here: the model's declarations in that standard's words. Nothing is said that the model
does not say.
"""

from __future__ import annotations

from typing import Any

import yaml

from sparkify_dagster import __version__
from sparkify_dagster.model.catalog import TABLES
from sparkify_dagster.model.check import Check
from sparkify_dagster.model.checks import checks_of
from sparkify_dagster.model.table import Column, Layer, Table, Type

_LOGICAL = {
    Type.VARCHAR: "string",
    Type.INTEGER: "integer",
    Type.BIGINT: "integer",
    Type.DOUBLE: "number",
    Type.TIMESTAMP: "timestamp",
    Type.DATE: "date",
    Type.BOOLEAN: "boolean",
}


def data_contract() -> str:
    """The contract as YAML, for staging, star and marts."""
    said = {
        "apiVersion": "v3.1.0",
        "kind": "DataContract",
        "id": "sparkify",
        "name": "Sparkify's warehouse",
        "version": __version__,
        "status": "active",
        "description": {
            "purpose": "What is played, when, by whom and from where; the catalogue; who pays.",
            "usage": "Read star and marts; each load publishes them together. Times are in UTC.",
        },
        "team": {"name": "The Sparkify founders"},
        "slaProperties": [
            {
                "property": "frequency",
                "value": 1,
                "unit": "d",
                "element": "songplay.log_date",
                "description": "Logs come by day; a day is in the tables after the next load.",
            }
        ],
        "schema": [_table(t) for t in TABLES.values() if t.layer is not Layer.LEDGER],
    }
    text: str = yaml.safe_dump(said, sort_keys=False, allow_unicode=True, width=100)
    return text


def _table(table: Table) -> dict[str, Any]:
    return {
        "name": table.name,
        "physicalType": "table",
        "description": table.meaning,
        "tags": [table.layer.value],
        "properties": [_column(table, column) for column in table.columns],
        "quality": [_check(check) for check in checks_of(table.name)],
    }


def _column(table: Table, column: Column) -> dict[str, Any]:
    said: dict[str, Any] = {
        "name": column.name,
        "logicalType": _LOGICAL[column.type],
        "physicalType": column.sql_type,
        "description": column.meaning,
        "required": column.required,
    }
    if column.name in table.key:
        said |= {"primaryKey": True, "primaryKeyPosition": table.key.index(column.name) + 1}
    if column.personal:
        said["classification"] = "personal"
    references = [r for r in table.references if r.column == column.name]
    if references:
        said["relationships"] = [{"to": f"{r.table}.{r.target}"} for r in references]
    return said


def _check(check: Check) -> dict[str, str]:
    severity = "warning" if check.warning else "error"
    return {"type": "text", "name": check.name, "description": check.claim, "severity": severity}

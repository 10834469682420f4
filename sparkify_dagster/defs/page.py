"""The last asset: the report, one HTML page written from what was just published.

What belongs here: what Dagster knows of the page and is told once it is written. What stands on it
is `report`'s.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import dagster as dg

from sparkify_dagster.defs.assets import OWNERS
from sparkify_dagster.model.catalog import TABLES
from sparkify_dagster.model.table import Layer
from sparkify_dagster.report.questions import tables_read
from sparkify_dagster.report.writing import Written, write_report
from sparkify_dagster.warehouse.engine import Warehouse

REPORT = "report"


def report_spec(path: str) -> dg.AssetSpec:
    """The page as an asset.

    Args:
        path: Where it is written.
    """
    return dg.AssetSpec(
        REPORT,
        deps=[name for name in tables_read() if TABLES[name].layer is not Layer.LEDGER],
        group_name=REPORT,
        kinds={"html"},
        owners=OWNERS,
        description="What the tables say, as one HTML page that works offline: plays, listeners, "
        "subscriptions, sessions, plays without a song, quality of the data; with the SQL behind "
        "every number.",
        metadata={"dagster/uri": path},
        tags={"layer": REPORT},
    )


def publish_report(
    context: dg.AssetExecutionContext, warehouse: Warehouse, path: Path, *, shared: bool
) -> Any:
    """Writes the page; gives what is to be reported of it.

    Raises:
        ReportError: It cannot be written.
        WarehouseError: The warehouse cannot be asked.
    """
    metadata = _metadata(write_report(warehouse, path, shared=shared))
    if dg.AssetKey(REPORT) in context.selected_asset_keys:
        return dg.MaterializeResult(asset_key=REPORT, metadata=metadata)
    return dg.AssetMaterialization(REPORT, metadata=metadata)


def _metadata(written: Written) -> dict[str, Any]:
    """Where the page is, what it took, and its headline figures, numbers as numbers."""
    figures = {k: value for k, value in written.facts.figures().items() if value is not None}
    metadata: dict[str, Any] = {
        "path": dg.MetadataValue.path(str(written.path)),
        "bytes": written.bytes,
        "seconds": round(written.seconds, 3),
        **figures,
    }
    if written.preview:
        metadata["preview"] = dg.MetadataValue.md(f"![Plays over time]({written.preview})")
    return metadata

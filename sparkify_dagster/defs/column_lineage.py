"""Column lineage as Dagster's metadata, and as a table a person can read.

What belongs here: Dagster's words for what `sparkify_dagster.lineage` says. Both stand in the
definitions, as they change with the code and not with a load.
"""

from __future__ import annotations

import dagster as dg

from sparkify_dagster.lineage.graph import origins_of
from sparkify_dagster.lineage.words import column_map
from sparkify_dagster.model.table import Table


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

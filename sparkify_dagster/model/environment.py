"""Environments: what is kept of each in it, and which of production's tables it reads.

What belongs here: declarations and names. The table is in no list of the model, as
production has none.
"""

from __future__ import annotations

from sparkify_dagster.model.catalog import STAGING, TABLES
from sparkify_dagster.model.ledger import CHECKS, DEFINITIONS, MODEL, SETTINGS
from sparkify_dagster.model.marts import MARTS
from sparkify_dagster.model.staging import SHORT
from sparkify_dagster.model.star import STAR
from sparkify_dagster.model.table import Column, Layer, Physical, Table, Type

ENVIRONMENT = Table(
    name="environment",
    layer=Layer.LEDGER,
    meaning="What was made for an environment: whatever else is in its schema is somebody else's.",
    columns=(
        Column("name", Type.VARCHAR, "Table or view.", length=SHORT, required=True),
        Column("is_view", Type.BOOLEAN, "It shows production's.", required=True),
        Column("made_at", Type.TIMESTAMP, "When it was noted, UTC.", required=True),
        Column("used_at", Type.TIMESTAMP, "When the environment was last used.", required=True),
    ),
    key=("name",),
    physical=Physical(style="AUTO", why="Small; Redshift decides."),
)

BORROWED: tuple[Table, ...] = (*STAGING, TABLES["load_objects"], TABLES["load_rejects"])
"""What an environment reads from production, by views, as long as its code reads the lake alike."""

DERIVED: tuple[str, ...] = (
    *(table.name for table in (*STAR, *MARTS)),
    MODEL,
    CHECKS,
    DEFINITIONS,
    SETTINGS,
)
"""What it always makes by itself, by its own code; so these have a history of their own."""

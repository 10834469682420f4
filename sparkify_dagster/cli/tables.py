"""`sparkify create-tables` and `sparkify sql`: making the tables, and showing how they are made.

What belongs here: asking before anything is dropped, and printing. The statements are `model.ddl`'s
work.
"""

from __future__ import annotations

from collections.abc import Iterator

import typer

from sparkify_dagster.cli.arguments import confirm
from sparkify_dagster.cli.console import near, offer, say
from sparkify_dagster.cli.watching import watching
from sparkify_dagster.core.text import count, harmless, printable
from sparkify_dagster.factory import open_warehouse
from sparkify_dagster.model.catalog import STAGING, TABLES
from sparkify_dagster.model.ddl import (
    comments,
    create_lock,
    create_schema,
    create_table,
    grants,
    relations,
)
from sparkify_dagster.model.diagram import entity_diagram
from sparkify_dagster.model.matching import MATCHING
from sparkify_dagster.model.statements import statement
from sparkify_dagster.model.table import Layer, Table
from sparkify_dagster.settings import Settings
from sparkify_dagster.warehouse.engine import Session
from sparkify_dagster.warehouse.schema import create_tables, grant_reading


def run_create_tables(settings: Settings, *, drop: bool, yes: bool) -> None:
    """Makes the tables that are not there, after dropping them all if asked to.

    Raises:
        typer.BadParameter: Nobody is there to confirm it, or it is an environment.
    """
    if drop and settings.production:
        raise typer.BadParameter(
            "an environment reads production's staging; `sparkify env drop` and `sparkify env "
            "create` make it anew.",
            param_hint="'--drop'",
        )
    warehouse = open_warehouse(settings)
    where = near(warehouse.location)
    if drop and not yes:
        confirm(
            f"Drop all tables in {printable(where)}, with their rows, rejects and history? "
            "`sparkify etl` loads them again from the lake.",
            "add --yes to drop all tables.",
            "Nothing was dropped.",
            "'--drop'",
        )
    with watching():
        made = warehouse.transact(lambda session: _make(session, drop=drop))
    if made:
        done = "Dropped and made" if drop else "Made"
        say(f"{done} {count(len(made), 'table')} in {where}: {', '.join(made)}.")
        offer("Load them with `sparkify etl`.")
    else:
        say(f"All {len(TABLES)} tables are there already, in {where}.")


def _make(session: Session, *, drop: bool) -> list[str]:
    made = create_tables(session, drop=drop)
    grant_reading(session, TABLES.values())  # The reader may have been named only now.
    return made


def run_diagram(name: str | None) -> None:
    """Prints all tables, or those of the layer of one, as a diagram for Mermaid."""
    layers = [TABLES[name].layer] if name else list(Layer)
    print(entity_diagram(table for table in TABLES.values() if table.layer in layers))


def run_sql(settings: Settings, name: str | None) -> None:
    """Prints the statements of one table, or of all; on Redshift also those of its loads."""
    # What a SELECT reads stands before it, so that all of it runs as it stands.
    ordered = sorted(TABLES.values(), key=lambda table: table not in (*STAGING, *MATCHING))
    tables = [TABLES[name]] if name else ordered
    schema = settings.load.schema_name
    blocks = [f"{create_schema(schema)};"]
    if settings.engine == "redshift":
        blocks[0] += (
            f"\n\n-- Locked by whoever writes, so that writers take turns:\n{create_lock(schema)};"
        )
    blocks += ["\n\n".join(_statements(settings, table)) for table in tables]
    if settings.engine == "redshift":
        blocks += ["\n\n".join(_loads(settings, {table.name for table in tables}))]
    # Not through rich: this is meant for files and other programs.
    print(harmless("\n\n\n".join(filter(None, blocks))))


def _statements(settings: Settings, table: Table) -> Iterator[str]:
    schema = settings.load.schema_name
    yield f"-- {schema}.{table.name} ({table.layer}, {settings.engine}): {table.meaning}"
    yield f"{create_table(table, schema, settings.engine)};"
    yield "\n".join(f"{text};" for text in comments(table, schema))
    if granted := grants(schema, table.name, settings.cluster.reader):
        yield "\n".join(f"{text};" for text in granted)
    if table.sql:
        yield f"-- Its rows:\n{statement(table.sql, relations(schema))};"
    elif table.layer is Layer.STAGING:
        yield "-- Its rows are the accepted records of the objects in the lake."
    else:
        yield "-- Its rows are written with each load, in the same transaction."


def _loads(settings: Settings, wanted: set[str]) -> Iterator[str]:
    """The transactions that load the wanted tables."""
    from sparkify_dagster.pipeline.sql_preview import Place, preview
    from sparkify_dagster.warehouse.redshift.connection import SETTINGS

    yield "-- First on each connection; to look at something, BEGIN READ ONLY follows:"
    yield "\n".join(f"{text};" for text in SETTINGS)
    place = Place(settings.s3.staging_prefix, settings.iam_role.arn, settings.aws.region)
    for stage in preview(settings.load.schema_name, place):
        if wanted.intersection(stage.tables):
            yield f"-- {stage.title}, in one transaction. $name and %s are bound values."
            yield ";\n\n".join(stage.statements) + ";"

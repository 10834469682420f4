"""The grammar of the commands that look at what is there.

What belongs here: what can be typed. Each body hands over to the module that does the work, and
imports it only then.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from sparkify_dagster.cli.arguments import any_table, day, day_range, staging_table
from sparkify_dagster.cli.grammar import Command, Json, environment_of, settings_of
from sparkify_dagster.lake.objects import DayRange

_LOOK = "Look"

look = typer.Typer()


@look.command(rich_help_panel=_LOOK)
def status(context: typer.Context, as_json: Json = False) -> None:
    """What is in the lake, what is loaded, what is pending, failed or rejected."""
    from sparkify_dagster.cli.status import run_status

    run_status(settings_of(context), as_json=as_json)


@look.command(rich_help_panel=_LOOK)
def rejects(
    context: typer.Context,
    raw: Annotated[
        bool, typer.Option("--raw", help="Show the records as they are: personal data.")
    ] = False,
    table: Annotated[
        str | None, typer.Option(parser=staging_table, metavar="TABLE", help="Only this table's.")
    ] = None,
    log_day: Annotated[
        str | None,
        typer.Option("--day", parser=day, metavar="YYYY-MM-DD", help="Only this log day's."),
    ] = None,
    limit: Annotated[int, typer.Option(min=0, help="Show so many; 0 for all.")] = 20,
    as_json: Json = False,
) -> None:
    """Records that were not accepted: object, line, column and reason of each."""
    from sparkify_dagster.cli.rejects import run_rejects

    run_rejects(
        settings_of(context), raw=raw, table=table, day=log_day, limit=limit, as_json=as_json
    )


@look.command(cls=Command, rich_help_panel=_LOOK)
def person(
    context: typer.Context,
    user_id: Annotated[str, typer.Argument(metavar="USER_ID")],
    output: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Write all of it to FILE: .json, .html."),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace FILE if it is there.")] = False,
    as_json: Json = False,
) -> None:
    """Say what is held about somebody who asks: rows by table, and lines of the lake."""
    from sparkify_dagster.cli.person import run_person

    run_person(settings_of(context), user_id, output, force=force, as_json=as_json)


@look.command(rich_help_panel=_LOOK)
def unmatched(
    context: typer.Context,
    limit: Annotated[int, typer.Option(min=0, help="Show so many; 0 for all.")] = 20,
    as_json: Json = False,
) -> None:
    """What is played most without a song of the catalogue: why, and what comes closest."""
    from sparkify_dagster.cli.unmatched import run_unmatched

    run_unmatched(settings_of(context), limit=limit, as_json=as_json)


@look.command(cls=Command, rich_help_panel=_LOOK)
def query(
    context: typer.Context,
    sql: Annotated[str, typer.Argument(metavar="SQL")],
    limit: Annotated[
        int | None,
        typer.Option(min=0, help="Print so many rows; 0 for all.", show_default="100; JSON: all"),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Write all rows to FILE: .csv, .parquet, .json, .xlsx."),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace FILE if it is there.")] = False,
    as_json: Json = False,
) -> None:
    """Ask the warehouse in SQL; nothing can be changed."""
    from sparkify_dagster.cli.query import run_query

    run_query(settings_of(context), sql, limit=limit, as_json=as_json, output=output, force=force)


@look.command(cls=Command, rich_help_panel=_LOOK)
def export(
    context: typer.Context,
    folder: Annotated[Path, typer.Argument(metavar="DIR")],
    personal: Annotated[
        bool, typer.Option("--personal/--no-personal", help="Write personal columns, too.")
    ] = True,
    as_json: Json = False,
) -> None:
    """Write the tables as Parquet files, later only what changed; what to read is DIR/current."""
    from sparkify_dagster.cli.export import run_export

    run_export(settings_of(context), folder, personal=personal, as_json=as_json)


@look.command(cls=Command, rich_help_panel=_LOOK)
def sql(
    context: typer.Context,
    table: Annotated[str | None, typer.Argument(parser=any_table, metavar="[TABLE]")] = None,
    diagram: Annotated[
        bool, typer.Option("--diagram", help="Print them as a diagram for Mermaid: TABLE's layer.")
    ] = False,
) -> None:
    """Print the statements that make the tables (Redshift: and load them); connects to nothing."""
    from sparkify_dagster.cli.tables import run_diagram, run_sql

    if diagram:
        run_diagram(table)
    else:
        run_sql(settings_of(context), table)


@look.command(cls=Command, rich_help_panel=_LOOK)
def lineage(
    name: Annotated[str, typer.Argument(metavar="NAME")],
    down: Annotated[
        bool, typer.Option("--downstream", help="Where it goes, not where it comes from.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Say what a column is made of and what decides about it, up to the fields of the lake."""
    from sparkify_dagster.cli.lineage import run_lineage

    run_lineage(name, down=down, as_json=as_json)


@look.command(rich_help_panel=_LOOK)
def report(
    context: typer.Context,
    output: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Write it there instead of to [REPORT] PATH."),
    ] = None,
    browse: Annotated[
        bool, typer.Option("--open/--no-open", help="Open it in the browser, on a terminal.")
    ] = True,
    as_json: Annotated[
        bool,
        typer.Option("--json", help="Print its figures as JSON; no page without --output."),
    ] = False,
) -> None:
    """Write what the tables say as one page, and open it: plays, listeners, who pays, data."""
    from sparkify_dagster.cli.report import run_report

    run_report(settings_of(context), output, browse=browse, as_json=as_json)


@look.command(rich_help_panel=_LOOK)
def diff(
    context: typer.Context,
    days: Annotated[
        DayRange | None,
        typer.Option(
            parser=day_range, metavar="A..B", help="Only what hangs on these days alone; quick."
        ),
    ] = None,
    output: Annotated[
        list[Path] | None,
        typer.Option(
            metavar="FILE",
            help="Write it to FILE, too: as a page, or for .md as a comment to post. May be given "
            "twice.",
        ),
    ] = None,
    exit_code: Annotated[
        bool, typer.Option("--exit-code", help="End with 1 if anything differs.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Say what this code does to the numbers: its star and marts against the published ones.

    They are built in an environment: the one that --env names, which stays, else one for this.
    """
    from sparkify_dagster.cli.diff import run_diff

    told = run_diff(settings_of(context), days, output or (), as_json=as_json)
    raise typer.Exit(1 if exit_code and told else 0)


@look.command(cls=Command, rich_help_panel=_LOOK)
def doctor(
    context: typer.Context,
    checks: Annotated[list[str] | None, typer.Argument(metavar="[CHECK]...")] = None,
    deep: Annotated[
        bool,
        typer.Option("--deep", help="Try every statement of a load on Redshift; rolled back."),
    ] = False,
    as_json: Json = False,
) -> None:
    """Check installation, settings, lake and warehouse; say what to do about each problem."""
    from sparkify_dagster.cli.doctor import run_doctor

    chosen = checks or (), environment_of(context)
    raise typer.Exit(run_doctor(context.obj, *chosen, as_json=as_json, deep=deep))


@look.command(cls=Command, rich_help_panel=_LOOK)
def docs(
    context: typer.Context,
    folder: Annotated[Path, typer.Argument(metavar="[DIR]")] = Path("site"),
) -> None:
    """Build the docs site: tables, lineage, SQL, checks, settings, commands; works offline."""
    from sparkify_dagster.cli.docs import run_docs

    run_docs(folder, context.find_root().command)

"""The grammar of the command line: commands, options, help texts.

What belongs here: what can be typed. Each body hands over to the module that does the work, and
imports it only then.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from sparkify_dagster import __version__
from sparkify_dagster.cli.access_app import access
from sparkify_dagster.cli.alias_app import alias
from sparkify_dagster.cli.arguments import day, day_range
from sparkify_dagster.cli.cluster_app import cluster
from sparkify_dagster.cli.env_app import env
from sparkify_dagster.cli.errors import FAILED, said_plainly
from sparkify_dagster.cli.grammar import Command, Json, environment_of, settings_of
from sparkify_dagster.cli.look_app import look
from sparkify_dagster.lake.objects import DayRange

_START, _LOAD = "Start", "Load"


class _Group(TyperGroup):
    """Says what went wrong in one message, for every command."""

    def make_context(self, *args: Any, **kwargs: Any) -> Any:
        with said_plainly():
            return super().make_context(*args, **kwargs)

    def invoke(self, ctx: Any) -> Any:
        with said_plainly():
            return super().invoke(ctx)


_EXIT_CODES = (
    "Exit codes: 0 good; 1 it could not be done, or something was found wrong; "
    "2 wrong usage or settings; 130 stopped."
)

app = typer.Typer(
    name="sparkify",
    cls=_Group,
    epilog=_EXIT_CODES,
    no_args_is_help=True,
    add_completion=False,
    suggest_commands=False,  # click does so itself.
    pretty_exceptions_enable=False,  # `main` shows them.
    context_settings={"help_option_names": ["-h", "--help"]},
)

app.add_typer(cluster, rich_help_panel=_START)
app.add_typer(access, rich_help_panel=_START)
app.add_typer(alias, rich_help_panel=_LOAD)
app.add_typer(env, rich_help_panel=_LOAD)
app.add_typer(look)


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"sparkify {__version__}")
        raise typer.Exit


@app.callback()
def _global_options(
    context: typer.Context,
    config: Annotated[
        Path | None,
        typer.Option(
            "--config",
            metavar="FILE",
            help="Settings to use; else what SPARKIFY_CONFIG names; else ./dwh.cfg; else defaults.",
            dir_okay=False,
        ),
    ] = None,
    environment: Annotated[
        str | None,
        typer.Option("--env", metavar="NAME", help="Work in an environment (`sparkify env`)."),
    ] = None,
    version: Annotated[
        bool,
        typer.Option(
            "--version", is_eager=True, callback=_print_version, help="Print the version."
        ),
    ] = False,
) -> None:
    """From a lake of songs and plays to an audited star schema.

    `sparkify demo` shows it at work; `sparkify etl` brings your own warehouse up to date.
    """
    if environment == "":  # A variable that is not set must not lead to production.
        raise typer.BadParameter("name an environment.", param_hint="'--env'")
    context.obj = config


@app.command(rich_help_panel=_START)
def demo(context: typer.Context) -> None:
    """See it work: make a sample lake in this folder, load it, show what is in it.

    A dwh.cfg of your own is respected: the demo then works on that lake and that warehouse.
    """
    from sparkify_dagster.cli.demo import run_demo

    if environment_of(context):
        raise typer.BadParameter("the demo has no environments.", param_hint="'--env'")
    raise typer.Exit(run_demo(context.obj))


@app.command(cls=Command, rich_help_panel=_START)
def generate(
    context: typer.Context,
    target: Annotated[
        Path | None,
        typer.Argument(show_default="the one in the settings"),
    ] = None,
    songs: Annotated[int, typer.Option(help="Songs in the catalogue.")] = 200,
    events: Annotated[int, typer.Option(help="Log events over all days.")] = 20_000,
    days: Annotated[int, typer.Option(help="Length of the logs in days.")] = 30,
    seed: Annotated[int, typer.Option(help="Another seed gives another lake.")] = 42,
    start: Annotated[
        str, typer.Option(parser=day, metavar="YYYY-MM-DD", help="First log day.")
    ] = "2018-11-01",
    mess: Annotated[
        bool,
        typer.Option("--mess", help="Add broken lines, duplicates, late deliveries, stray files."),
    ] = False,
) -> None:
    """Write a sample lake of invented songs and plays; the same options give the same bytes."""
    from sparkify_dagster.cli.generate import run_generate

    numbers = {"songs": songs, "events": events, "days": days, "seed": seed}
    run_generate(target, numbers, start, mess, lambda: settings_of(context))


@app.command("create-tables", rich_help_panel=_LOAD)
def create_tables(
    context: typer.Context,
    drop: Annotated[
        bool, typer.Option("--drop", help="Drop all tables first, with all they hold.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask before dropping.")] = False,
) -> None:
    """Make the tables that are not there yet; `etl` does so by itself."""
    from sparkify_dagster.cli.tables import run_create_tables

    run_create_tables(settings_of(context), drop=drop, yes=yes)


@app.command(rich_help_panel=_LOAD)
def etl(
    context: typer.Context,
    full: Annotated[
        bool, typer.Option("--full", help="Read everything again and rebuild the star.")
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="The same as `sparkify plan`.")
    ] = False,
    days: Annotated[
        DayRange | None,
        typer.Option(
            parser=day_range,
            metavar="A..B",
            help="Only log days from A to B that changed (all of them with --full); no songs; "
            "the star follows. A alone is one day.",
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """Bring the warehouse up to date with the lake: only what changed is loaded."""
    from sparkify_dagster.cli.etl import run_etl

    raise typer.Exit(
        run_etl(settings_of(context), full=full, dry_run=dry_run, days=days, as_json=as_json)
    )


@app.command(rich_help_panel=_LOAD)
def plan(
    context: typer.Context,
    full: Annotated[bool, typer.Option("--full", help="The plan of `etl --full`.")] = False,
    days: Annotated[
        DayRange | None,
        typer.Option(parser=day_range, metavar="A..B", help="The plan of `etl --days A..B`."),
    ] = None,
    exit_code: Annotated[
        bool,
        typer.Option(
            "--exit-code",
            help="Exit with 0: nothing to do; 2: something; 3: it destroys; 1: it cannot be told.",
        ),
    ] = False,
    as_json: Json = False,
) -> None:
    """Say what `etl` would do to each table, why, and what would be gone; nothing is written."""
    from sparkify_dagster.cli.etl import run_plan

    options = {"exit_code": exit_code, "as_json": as_json}
    with said_plainly(FAILED if exit_code else None):
        raise typer.Exit(run_plan(settings_of(context), full=full, days=days, **options))


@app.command(cls=Command, rich_help_panel=_LOAD)
def retry(
    context: typer.Context,
    log_day: Annotated[str | None, typer.Argument(parser=day, metavar="[YYYY-MM-DD]")] = None,
    as_json: Json = False,
) -> None:
    """Try what failed again now, however often it has failed."""
    from sparkify_dagster.cli.retry import run_retry

    raise typer.Exit(run_retry(settings_of(context), log_day, as_json=as_json))


@app.command(cls=Command, rich_help_panel=_LOAD)
def forget(
    context: typer.Context,
    user_ids: Annotated[list[str], typer.Argument(metavar="USER_ID...")],
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask before forgetting.")] = False,
    as_json: Json = False,
) -> None:
    """Take people out of all tables for good; certify what was held and where they are still."""
    from sparkify_dagster.cli.forget import run_forget

    raise typer.Exit(run_forget(settings_of(context), user_ids, yes=yes, as_json=as_json))


@app.command(rich_help_panel=_LOAD)
def watch(context: typer.Context) -> None:
    """Load by itself whatever changes in the lake, until Ctrl-C; the sensor does so in the UI.

    On Linux local folders tell it when to look; else it looks every INTERVAL ([SENSOR]) seconds.
    """
    from sparkify_dagster.cli.watch import run_watch

    run_watch(settings_of(context))

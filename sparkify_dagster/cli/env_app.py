"""The grammar of `sparkify env`; the work is `cli.env`'s, imported only when it is needed.

What belongs here: what can be typed.
"""

from __future__ import annotations

from typing import Annotated

import typer

from sparkify_dagster.cli.grammar import Command, Json, settings_of

env = typer.Typer(
    name="env", no_args_is_help=True, help="Try a change of code beside production's tables."
)


@env.command(cls=Command)
def create(
    context: typer.Context, environment: Annotated[str, typer.Argument(metavar="NAME")]
) -> None:
    """Make an environment that reads production's staging; its star and marts come with `etl`."""
    from sparkify_dagster.cli.env import run_create

    if not environment:
        raise typer.BadParameter("name one.", param_hint="'NAME'")
    run_create(settings_of(context, environment))


@env.command("list", cls=Command)
def list_all(context: typer.Context, as_json: Json = False) -> None:
    """Name the environments, with what each reads and when it was last used."""
    from sparkify_dagster.cli.env import run_list

    run_list(settings_of(context), as_json=as_json)


@env.command(cls=Command)
def drop(
    context: typer.Context,
    environment: Annotated[str, typer.Argument(metavar="[NAME]")] = "",
    unused: Annotated[
        int | None,
        typer.Option(metavar="DAYS", min=0, help="All that were not used for so many days."),
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask before dropping.")] = False,
) -> None:
    """Drop what was made for an environment; with a table of somebody else in it, nothing."""
    from sparkify_dagster.cli.env import run_drop

    if bool(environment) == (unused is not None):
        raise typer.BadParameter("name one, or say --unused DAYS.", param_hint="'NAME'")
    run_drop(settings_of(context, environment), environment, unused, yes=yes)

"""The grammar of `sparkify alias`; the work is `cli.unmatched`'s, imported only when it is needed.

What belongs here: what can be typed.
"""

from __future__ import annotations

from typing import Annotated

import typer

from sparkify_dagster.cli.grammar import Command, Json, settings_of

alias = typer.Typer(
    name="alias", no_args_is_help=True, help="Name the song that is meant by plays that find none."
)


@alias.command(cls=Command)
def add(
    context: typer.Context,
    song_id: Annotated[str, typer.Argument(metavar="SONG_ID")],
    title: Annotated[str, typer.Argument(metavar="TITLE")],
    artist: Annotated[str, typer.Argument(metavar="ARTIST")],
    force: Annotated[
        bool, typer.Option("--force", help="Also where it does not help as the catalogue is.")
    ] = False,
) -> None:
    """Add a line to the document `[S3] ALIASES`, which is made if it is not there."""
    from sparkify_dagster.cli.unmatched import run_alias_add

    run_alias_add(settings_of(context), (title, artist, song_id), force=force)


@alias.command("list", cls=Command)
def list_all(context: typer.Context, as_json: Json = False) -> None:
    """What the document says, and which of it does not help."""
    from sparkify_dagster.cli.unmatched import run_alias_list

    run_alias_list(settings_of(context), as_json=as_json)

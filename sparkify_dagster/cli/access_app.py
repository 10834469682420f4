"""The grammar of `sparkify access`; the work is `cli.access`', imported only when it is needed.

What belongs here: what can be typed.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from sparkify_dagster.cli.grammar import Json, settings_of

access = typer.Typer(
    name="access",
    no_args_is_help=True,
    help="Roles, and who has them: readers see personal columns masked.",
)
File = Annotated[
    Path | None,
    typer.Option(
        "--file", metavar="FILE", help="Who has which role; else access.cfg beside the settings."
    ),
]


@access.command()
def plan(context: typer.Context, file: File = None, as_json: Json = False) -> None:
    """What `apply` would do, each statement with its reason; changes nothing."""
    from sparkify_dagster.cli.access import run_plan

    run_plan(settings_of(context), file, as_json=as_json)


@access.command("apply")
def apply_plan(context: typer.Context, file: File = None, as_json: Json = False) -> None:
    """Give what FILE declares and is missing, take away what `apply` gave and is not declared."""
    from sparkify_dagster.cli.access import run_apply

    run_apply(settings_of(context), file, as_json=as_json)


@access.command()
def status(context: typer.Context, as_json: Json = False) -> None:
    """Each role: who has it, what it may read, what is masked for it, and what others gave it."""
    from sparkify_dagster.cli.access import run_status

    run_status(settings_of(context), as_json=as_json)

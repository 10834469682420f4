"""What the grammar of all commands shares: the help of an argument, `--json`, the settings.

What belongs here: only what commands of several groups need.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperArgument, TyperCommand

if TYPE_CHECKING:
    from sparkify_dagster.settings import Settings

Json = Annotated[bool, typer.Option("--json", help="Print JSON for programs, nothing else.")]


class Command(TyperCommand):
    """Says what its argument is; click 8.5 loses what `typer.Argument(help=…)` says."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for param in self.params:
            if isinstance(param, TyperArgument):
                param.help = _ARGUMENTS[param.name or ""]


_ARGUMENTS = {
    "target": "Folder for the lake.",
    "sql": 'One statement that reads. Tables go without their schema; "user" needs its quotes.',
    "table": "Only this table's statements.",
    "name": "TABLE.COLUMN or TABLE; for the lake log_data.FIELD or song_data.FIELD.",
    "log_day": "The log day; none: all.",
    "folder": "Folder to write to; what is in it is replaced if it was written so.",
    "checks": "Only these lines, such as history; none: all.",
    "user_ids": "Ids of people, as user_id has them.",
    "user_id": "Id of the person, as user_id has it.",
    "song_id": "The song of the catalogue that is meant.",
    "title": "The title as it is played, such as `sparkify unmatched` shows it.",
    "artist": "Its artist, likewise.",
    "environment": "Its name, or a branch's: lower case, _ for all but letters and digits.",
    "stack": "What it is called: the stack, and all that is in it.",
}


def environment_of(context: typer.Context) -> str:
    """The environment that `--env` names; blank: none."""
    return str(context.find_root().params.get("environment") or "")


def settings_of(context: typer.Context, environment: str = "") -> Settings:
    """The settings that `--config`, or the usual place, names.

    Args:
        environment: The environment that is meant, instead of the one that `--env` names.
    """
    from sparkify_dagster.settings import load_settings

    return load_settings(context.obj, environment=environment or environment_of(context))

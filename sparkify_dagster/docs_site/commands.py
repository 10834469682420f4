"""The commands as data: what `--help` says of each, taken from the grammar itself.

What belongs here: reading a grammar. The grammar is `cli.app`'s and is handed in.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import click


class Option(NamedTuple):
    """An option or argument: how it is typed, and what it does."""

    typed: str
    help: str


class Command(NamedTuple):
    """One command.

    Attributes:
        panel: The heading it stands under in `sparkify --help`.
        summary: First paragraph of its help.
        more: The other paragraphs.
        ending: What stands below the options.
    """

    name: str
    panel: str
    usage: str
    summary: str
    more: tuple[str, ...]
    arguments: tuple[Option, ...]
    options: tuple[Option, ...]
    ending: str

    @property
    def anchor(self) -> str:
        """Where it stands on its page."""
        return self.name.replace(" ", "-")


def described(program: click.Group) -> tuple[Command, ...]:
    """The program itself, then its commands in the order of its help; hidden ones are left out."""
    name = program.name or ""
    return (
        _command(program, name, name),
        *(_command(command, f"{name} {n}", n) for n, command in _within(program)),
    )


def _within(group: click.Group) -> Iterator[tuple[str, click.Command]]:
    """The commands of a group, each with what is typed for it, those of groups in it after them."""
    for name, command in group.commands.items():
        if not command.hidden:
            yield name, command
            if isinstance(command, click.Group):
                yield from ((f"{name} {inner}", each) for inner, each in _within(command))


def _command(command: click.Command, typed: str, name: str) -> Command:
    context = click.Context(command, info_name=typed)
    summary, *more = (" ".join(part.split()) for part in (command.help or "").split("\n\n"))
    arguments: list[Option] = []
    options: list[Option] = []
    for parameter in command.params:
        record = parameter.get_help_record(context) or (parameter.name or "", "")
        (arguments if isinstance(parameter, click.Argument) else options).append(Option(*record))
    return Command(
        name=name,
        panel=str(getattr(command, "rich_help_panel", None) or ""),
        usage=" ".join([typed, *command.collect_usage_pieces(context)]),
        summary=summary,
        more=tuple(filter(None, more)),
        arguments=tuple(arguments),
        options=tuple(options),
        ending=command.epilog or "",
    )

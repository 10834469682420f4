"""The commands as data: what `--help` says of each, taken from the grammar itself.

What belongs here: reading a grammar. The grammar is `cli.app`'s and is handed in.
"""

from __future__ import annotations

from dataclasses import dataclass

import click


@dataclass(frozen=True, slots=True)
class Option:
    """An option or argument: how it is typed, and what it does."""

    typed: str
    help: str


@dataclass(frozen=True, slots=True)
class Command:
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


def described(program: click.Group) -> tuple[Command, ...]:
    """The program itself, then its commands in the order of its help; hidden ones are left out."""
    name = program.name or ""
    own = _command(program, name, name)
    shown = [(n, command) for n, command in program.commands.items() if not command.hidden]
    return (own, *(_command(command, f"{name} {n}", n) for n, command in shown))


def _command(command: click.Command, typed: str, name: str) -> Command:
    context = click.Context(command, info_name=typed)
    usage = " ".join([typed, *command.collect_usage_pieces(context)])
    paragraphs = [" ".join(part.split()) for part in (command.help or "").split("\n\n")]
    arguments = [p for p in command.params if isinstance(p, click.Argument)]
    options = [p for p in command.params if not isinstance(p, click.Argument)]
    return Command(
        name=name,
        panel=str(getattr(command, "rich_help_panel", None) or ""),
        usage=usage,
        summary=paragraphs[0],
        more=tuple(filter(None, paragraphs[1:])),
        arguments=tuple(_option(p, context) for p in arguments),
        options=tuple(_option(p, context) for p in options),
        ending=command.epilog or "",
    )


def _option(parameter: click.Parameter, context: click.Context) -> Option:
    record = parameter.get_help_record(context) or (parameter.name or "", "")
    return Option(*record)

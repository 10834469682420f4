"""The grammar of a command line as data."""

from __future__ import annotations

import click

from sparkify_dagster.docs_site.commands import Option, described
from sparkify_dagster_tests.unit.docs_site.conftest import program


def test_a_command_tells_its_usage_its_help_and_each_option_with_its_default() -> None:
    option = click.Option(["--limit"], type=int, default=20, show_default=True, help="So many.")
    command = click.Command("rows", help="Show  rows.\n\nMore\nof it.", params=[option])
    told = described(click.Group("tool", commands={"rows": command}, epilog="The end."))
    assert [c.name for c in told] == ["tool", "rows"]
    assert told[0].ending == "The end."
    assert told[1].usage == "tool rows [OPTIONS]"
    assert told[1].summary == "Show rows."
    assert told[1].more == ("More of it.",)
    assert told[1].options[0] == Option("--limit INTEGER", "So many.  [default: 20]")


def test_a_hidden_command_is_left_out() -> None:
    group = click.Group("tool", commands={"secret": click.Command("secret", hidden=True)})
    assert [c.name for c in described(group)] == ["tool"]


def test_every_argument_of_ours_says_what_it_is() -> None:
    arguments = [a for command in described(program()) for a in command.arguments]
    assert Option("[YYYY-MM-DD]", "The log day; none: all.") in arguments
    assert all(argument.help for argument in arguments)

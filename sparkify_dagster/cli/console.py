"""Writing to the terminal: one place that decides about colours, widths and odd characters.

What belongs here: how things look. Results go to stdout (`out`), everything else to stderr (`err`).
"""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import sys
import textwrap
from collections.abc import Iterable
from functools import cache
from pathlib import Path

import click
from rich import box
from rich.console import Console, RenderableType
from rich.style import StyleType
from rich.table import Table
from rich.text import Text
from rich.tree import Tree

from sparkify_dagster.core.text import harmless, json_ready, printable

_UNBOUNDED = 10_000
_WORDS = r"(sparkify|pip) ([\w ,./'=-]+)"  # Nothing that a shell takes for more than words.
_COMMAND = re.compile(f"`{_WORDS}`")
_COMMAND_AT_END = re.compile(rf":?(?: run)? `{_WORDS}`\.?$")


@cache
def out() -> Console:
    """The console for results."""
    return _console(stderr=False)


@cache
def err() -> Console:
    """The console for everything that is no result."""
    return _console(stderr=True)


def _console(*, stderr: bool) -> Console:
    made = Console(stderr=stderr, markup=False, highlight=False, emoji=False)
    if not made.is_terminal:
        made.width = _UNBOUNDED  # What goes into a file or a pipe is not wrapped.
    return made


def say(text: str = "", style: str = "") -> None:
    """Prints a line of the result; long ones are left to the terminal to wrap."""
    _print(out(), printable(text), style)


def say_lines(text: str, style: str = "") -> None:
    """Prints a text of the result that may have several lines: nothing in it can forge one."""
    _print(out(), text, style)


def title(text: str) -> None:
    """Prints the title of a section."""
    say()
    say(text, "bold")


def note(text: str) -> None:
    """Tells, on stderr, what is no result."""
    _print(err(), printable(text), "dim")


def warn(text: str) -> None:
    """Warns on stderr."""
    _print(err(), f"Warning: {printable(text)}", "yellow")


def complain(text: str) -> None:
    """Says on stderr what failed."""
    _print(err(), f"Error: {printable(text)}", "red")


def offer(text: str, *, failed: bool = False) -> None:
    """Prints a text, then the commands in it (between backticks) to be copied.

    Args:
        failed: It is what went wrong, for stderr.
    """
    _print(err() if failed else out(), _COMMAND_AT_END.sub(":", text), "red" if failed else "")
    for each in commands_in(text):
        command(each, failed=failed)


def command(text: str, *, failed: bool = False) -> None:
    """Prints a command to be copied: on a line of its own, which nothing breaks or indents."""
    _print(err() if failed else out(), text, "bold")


def offer_named(text: str, *, failed: bool = False) -> None:
    """Prints, to be copied, the commands in a text that was printed before in another way."""
    if named := commands_in(text):
        _print(err() if failed else out(), "The commands named above:", "")
    for each in named:
        command(each, failed=failed)


def commands_in(text: str) -> list[str]:
    """The commands that a text names between backticks, as they are typed here, each once."""
    found = _COMMAND.findall(text)
    return list(dict.fromkeys(_typed_here(name, words) for name, words in found))


def _typed_here(name: str, words: str) -> str:
    return command_line(words) if name == "sparkify" else f"{_python()} -m {name} {words}"


def command_line(words: str) -> str:
    """A command of ours as it is typed here: with the settings and in the environment of this one.

    Without them it would lead to another warehouse, or to production.
    """
    context = click.get_current_context(silent=True)
    given = context.find_root().params if context else {}
    options = []
    if (config := given.get("config")) and not words.startswith("--config "):
        options += ["--config", shlex.quote(str(config))]
    if (inside := given.get("environment")) and not words.startswith(("--env ", "env ")):
        options += ["--env", shlex.quote(inside)]
    return " ".join([called_as(), *options, words])


def _print(console: Console, text: str, style: str) -> None:
    console.print(harmless(text), style=style, soft_wrap=True)


def print_json(value: object) -> None:
    """Prints JSON for programs: readable, keys in the order given, only valid JSON."""
    text = json.dumps(json_ready(value), indent=2, ensure_ascii=False, default=str, allow_nan=False)
    # What does not print stands within texts only, where JSON has escapes for it.
    print("".join(c if c.isprintable() or c == "\n" else json.dumps(c)[1:-1] for c in text))


def grid(*columns: str, right: Iterable[str] = ()) -> Table:
    """A table for results.

    Args:
        right: Columns to align right, as numbers are.
    """
    numbers = set(right)
    table = _Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, header_style="bold")
    for name in columns:
        table.add_column(
            harmless(name), justify="right" if name in numbers else "left", overflow="fold"
        )
    return table


class _Table(Table):
    """A table of which no cell can steer the terminal."""

    def add_row(
        self,
        *cells: RenderableType | None,
        style: StyleType | None = None,
        end_section: bool = False,
    ) -> None:
        kept = (harmless(cell) if isinstance(cell, str) else cell for cell in cells)
        super().add_row(*kept, style=style, end_section=end_section)


def show(drawn: Table | Tree) -> None:
    """Prints a table or a tree; files and pipes get no blanks at the ends of its lines."""
    console = out()
    if console.is_terminal:
        console.print(drawn)
        return
    with console.capture() as captured:
        console.print(drawn)
    console.out(re.sub(" +$", "", captured.get(), flags=re.MULTILINE), end="")


def folded(names: Iterable[str], most: int = 60) -> str:
    """Many names for a cell of a table, in lines that a pipe, which wraps nothing, has room for."""
    return textwrap.fill(", ".join(names), most, break_long_words=False, break_on_hyphens=False)


def fits(table: Table) -> bool:
    """Whether a table is no wider than where it is shown, without folding what is in it."""
    console = out()
    anywhere = console.options.update(max_width=_UNBOUNDED)
    return console.measure(table, options=anywhere).maximum <= console.width


def faint(text: str) -> Text:
    """Text in the background."""
    return Text(harmless(text), style="dim")


def size(number: int) -> str:
    """An amount of bytes, rounded."""
    for unit in ("bytes", "kB", "MB", "GB"):
        if number < 1000 or unit == "GB":
            return f"{number:,.0f} {unit}" if unit == "bytes" else f"{number:,.1f} {unit}"
        number /= 1000  # type: ignore[assignment]
    raise AssertionError


def near(path: str | Path) -> str:
    """A path as it reads from the current folder; from `/`, all paths stay whole."""
    try:
        here = Path.cwd()
        return str(path if here == here.parent else Path(path).relative_to(here))
    except (ValueError, OSError):
        return str(path)


def called_as() -> str:
    """What a person types to start this program again."""
    given = Path(sys.argv[0])
    return f"{_python()} -m sparkify_dagster" if given.name == "__main__.py" else typed(given)


def _python() -> str:
    return typed(Path(sys.executable))


def typed(program: Path) -> str:
    """What a person types to start a program: its name where the PATH finds it, else its path."""
    found = shutil.which(program.name)
    # Not what both lead to: the Python of an environment is a link to one without its packages.
    if found and os.path.realpath(Path(found).parent) == os.path.realpath(program.parent):
        return program.name
    path = near(program.absolute())
    return shlex.quote(path if os.sep in path else os.path.join(os.curdir, path))

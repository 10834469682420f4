"""Writing to the terminal: one place that decides about colours, widths and odd characters.

What belongs here: how things look. Results go to stdout (`out`), everything else to stderr (`err`).
"""

from __future__ import annotations

import json
import math
import os
import re
import shlex
import shutil
import sys
from collections.abc import Iterable, Mapping
from decimal import Decimal
from functools import cache
from pathlib import Path

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text
from rich.tree import Tree

_UNBOUNDED = 10_000


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
    out().print(text, style=style, soft_wrap=True)


def title(text: str) -> None:
    """Prints the title of a section."""
    say()
    say(text, "bold")


def note(text: str) -> None:
    """Tells, on stderr, what is no result."""
    err().print(text, style="dim", soft_wrap=True)


def warn(text: str) -> None:
    """Warns on stderr."""
    err().print(f"Warning: {text}", style="yellow", soft_wrap=True)


def complain(text: str) -> None:
    """Says on stderr what failed."""
    err().print(f"Error: {text}", style="red", soft_wrap=True)


def print_json(value: object) -> None:
    """Prints JSON for programs: readable, keys in the order given, only valid JSON."""
    text = json.dumps(_valid(value), indent=2, ensure_ascii=False, default=str, allow_nan=False)
    # Half a surrogate pair cannot be written as UTF-8; as an escape it can.
    sys.stdout.write(text.encode("utf-8", "backslashreplace").decode() + "\n")


def grid(*columns: str, right: Iterable[str] = ()) -> Table:
    """A table for results.

    Args:
        right: Columns to align right, as numbers are.
    """
    numbers = set(right)
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, header_style="bold")
    for name in columns:
        table.add_column(name, justify="right" if name in numbers else "left", overflow="fold")
    return table


def show(drawn: Table | Tree) -> None:
    """Prints a table or a tree; files and pipes get no blanks at the ends of its lines."""
    console = out()
    if console.is_terminal:
        console.print(drawn)
        return
    with console.capture() as captured:
        console.print(drawn)
    console.out(re.sub(" +$", "", captured.get(), flags=re.MULTILINE), end="")


def fits(table: Table) -> bool:
    """Whether a table is no wider than where it is shown, without folding what is in it."""
    console = out()
    anywhere = console.options.update(max_width=_UNBOUNDED)
    return console.measure(table, options=anywhere).maximum <= console.width


def printable(value: object) -> str:
    """A value as text that cannot steer the terminal: what does not print is escaped."""
    return "".join(
        c if c.isprintable() else c.encode("unicode_escape").decode() for c in str(value)
    )


def faint(text: str) -> Text:
    """Text in the background."""
    return Text(text, style="dim")


def size(number: int) -> str:
    """An amount of bytes, rounded."""
    for unit in ("bytes", "kB", "MB", "GB"):
        if number < 1000 or unit == "GB":
            return f"{number:,.0f} {unit}" if unit == "bytes" else f"{number:,.1f} {unit}"
        number /= 1000  # type: ignore[assignment]
    raise AssertionError


def near(path: str | Path) -> str:
    """A path as it reads from the current folder."""
    try:
        return str(Path(path).relative_to(Path.cwd()))
    except (ValueError, OSError):
        return str(path)


def called_as() -> str:
    """What a person types to start this program again."""
    given = Path(sys.argv[0])
    if given.name == "__main__.py":
        return "python -m sparkify_dagster"
    return typed(given)


def typed(program: Path) -> str:
    """What a person types to start a program: its name where the PATH finds it, else its path."""
    found = shutil.which(program.name)
    if found and os.path.realpath(found) == os.path.realpath(program):
        return program.name
    return shlex.quote(near(program.absolute()))


def _valid(value: object) -> object:
    """The value without what JSON has no words for."""
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    if isinstance(value, Mapping):
        return {str(name): _valid(inner) for name, inner in value.items()}
    if isinstance(value, list | tuple | set):
        return [_valid(inner) for inner in value]
    if isinstance(value, Decimal):
        return float(value)
    return value.hex() if isinstance(value, bytes) else value

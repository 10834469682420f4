"""The statements that stand in `.sql` files, and the one way to fill in what they leave open.

A file holds one statement. What stands in braces is filled in: tables by their names, views
likewise, and whatever else the first line says (`-- Expects: …`, not sent). What belongs here: from
files to text. How an identifier is quoted is `ddl`'s.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from string import Formatter

VIEWS = {"latest_loads": "view/latest_loads.sql"}
"""Names that stand for a SELECT in brackets, each with its file.

`latest_loads`: of each target and part the last load, the last that was published and the last that
failed, 0 where there is none.
"""
_HEADER = re.compile(r"\A-- Expects: .*\n(?:--.*\n)*")
"""What stands above a statement for whoever reads the file."""
_NONE: Mapping[str, str] = {}


@cache
def sql_text(path: str, package: str = "model") -> str:
    """The text of one statement below the `sql` of `model` or `report`, as it stands there.

    Raises:
        FileNotFoundError: The package holds no such file.
    """
    text = files(f"sparkify_dagster.{package}").joinpath("sql", path).read_text(encoding="utf-8")
    return text.strip()


@cache
def placeholders(path: str, package: str = "model") -> tuple[str, ...]:
    """What a file leaves open, each name once, in the order of the text."""
    found = Formatter().parse(sql_text(path, package))
    return tuple(dict.fromkeys(name for _, name, _, _ in found if name))


def statement(
    path: str, relations: Mapping[str, str] = _NONE, *, package: str = "model", **given: object
) -> str:
    """The statement of a file, ready to be sent.

    Args:
        relations: What stands for each table it may name; more than it names are welcome.
        given: What stands for everything else that it leaves open.

    Raises:
        KeyError: Something is left open, or something given has no place in the file.
    """
    asked = placeholders(path, package)
    views = {name: f"(\n{statement(VIEWS[name], relations)}\n)" for name in asked if name in VIEWS}
    values = {**relations, **views, **given}
    wrong = [f"no value for {name}" for name in asked if name not in values]
    wrong += [f"no place for {name}" for name in given if name not in asked]
    if wrong:
        raise KeyError(f"{package}/sql/{path}: {', '.join(wrong)}")
    return _HEADER.sub("", sql_text(path, package)).format_map(values)

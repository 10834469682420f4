"""What the search box finds: pages, headings, tables, columns, checks, commands, settings.

What belongs here: the list. Looking through it is `static/site.js`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from sparkify_dagster.docs_site.commands import Command
from sparkify_dagster.docs_site.flows import as_script
from sparkify_dagster.docs_site.prose import Heading
from sparkify_dagster.docs_site.tables import TablePage, page_of
from sparkify_dagster.settings import SettingInfo


class Entry(NamedTuple):
    """Something to be found."""

    name: str
    kind: str
    page: str
    meaning: str


def index(entries: Iterable[Entry]) -> str:
    """The script that holds the list: a page opened from a folder may fetch nothing."""
    return f"const SEARCH = {as_script([list(entry) for entry in entries])};\n"


def of_table(page: TablePage) -> Iterator[Entry]:
    """A table, its columns and its checks."""
    table = page.table
    file = page_of(table.name) or ""
    yield Entry(table.name, "table", file, table.meaning)
    for column in table.columns:
        where = f"{file}#column-{column.name}"
        yield Entry(f"{table.name}.{column.name}", "column", where, column.meaning)
    for check in page.checks:
        where = f"{file}#check-{check.name}"
        yield Entry(f"{table.name}.{check.name}", "check", where, check.claim)


def of_command(command: Command) -> Iterator[Entry]:
    """A command and its options."""
    where = f"commands.html#{command.name}"
    yield Entry(command.usage, "command", where, command.summary)
    for option in command.options:
        yield Entry(f"{command.name} {option.typed}", "option", where, option.help)


def of_setting(setting: SettingInfo) -> Entry:
    """A setting."""
    name = f"[{setting.section}] {setting.key}"
    where = f"settings.html#{setting.section}-{setting.key}"
    return Entry(name, "setting", where, f"{setting.meaning} {setting.env}")


def of_prose(file: str, title: str, headings: Iterable[Heading]) -> Iterator[Entry]:
    """A hand-written page and its headings."""
    yield Entry(title, "page", file, "")
    for heading in headings:
        yield Entry(heading.text, "page", f"{file}#{heading.anchor}", title)

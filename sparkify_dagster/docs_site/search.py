"""What the search box finds: pages, headings, tables, columns, checks, commands, settings.

What belongs here: the list. Looking through it is `static/site.js`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from sparkify_dagster.docs_site.commands import Command
from sparkify_dagster.docs_site.prose import Prose
from sparkify_dagster.docs_site.tables import TablePage, page_of
from sparkify_dagster.settings import SettingInfo

Entry = tuple[str, str, str, str]
"""Something to be found: its name, what it is, where it stands, what it means."""


def entries(
    tables: Iterable[TablePage],
    commands: Iterable[Command],
    settings: Iterable[SettingInfo],
    written: Mapping[str, Prose],
) -> Iterator[Entry]:
    """All there is to be found; hand-written pages by their file in the site."""
    for page in tables:
        name, file = page.table.name, page_of(page.table.name)
        yield name, "table", f"{file}", page.table.meaning
        for column in page.table.columns:
            where = f"{file}#column-{column.name}"
            yield f"{name}.{column.name}", "column", where, column.meaning
        for check in page.checks:
            yield f"{name}.{check.name}", "check", f"{file}#check-{check.name}", check.claim
    for command in commands:
        where = f"commands.html#{command.anchor}"
        yield command.usage, "command", where, command.summary
        for option in command.options:
            yield f"{command.name} {option.typed}", "option", where, option.help
    for s in settings:
        where = f"settings.html#{s.section}-{s.key}"
        yield f"[{s.section}] {s.key}", "setting", where, f"{s.meaning} {s.env}"
    for file, prose in written.items():
        yield prose.title, "page", file, ""
        for heading in prose.headings:
            yield heading.text, "page", f"{file}#{heading.anchor}", prose.title

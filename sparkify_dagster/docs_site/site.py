"""The whole site: which pages there are, and what each is made of.

What belongs here: the list of pages and their order. What stands on a page is its template and the
modules beside this one; where it is written is `writing`'s.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from importlib.resources import files
from itertools import groupby
from pathlib import Path
from typing import Any

from sparkify_dagster import __version__
from sparkify_dagster.docs_site import search
from sparkify_dagster.docs_site.code import highlighted, inline
from sparkify_dagster.docs_site.commands import Command
from sparkify_dagster.docs_site.flows import by_table, flows, for_script
from sparkify_dagster.docs_site.picture import drawn
from sparkify_dagster.docs_site.prose import Heading, Prose, Target, anchor, rendered, title_of
from sparkify_dagster.docs_site.tables import LAYERS, asset_graph, page_of, table_pages
from sparkify_dagster.settings import LoadSettings, describe_settings

_STATIC = ("site.css", "site.js", "lineage.js")
_START, _DATA, _USE, _KNOW = "Start", "Data", "Use", "Understand"
_SETTINGS = "docs/settings.md"
_OVERVIEW = "README.md"
_IN_USE = "docs/operations.md"
ALL_SETTINGS = "All settings"
"""The heading of `docs/settings.md` whose table the site makes itself."""


@dataclass(frozen=True, slots=True)
class Page:
    """One page.

    Attributes:
        label: Its name in the menu.
        section: The heading it stands under there; "" for a page that is not in the menu.
        parent: The page of the menu it belongs to, if it is not in the menu itself.
    """

    file: str
    title: str
    label: str
    section: str
    template: str
    content: Mapping[str, Any] = field(default_factory=dict)
    headings: Sequence[Heading] = ()
    parent: str = ""


def checkout(package: Path) -> Path | None:
    """The checkout a package stands in; None for one that was installed elsewhere."""
    root = package.parent
    whole = all((root / name).exists() for name in (_OVERVIEW, "docs", "setup.cfg"))
    return root if whole else None


def build_site(
    root: Path | None, commands: Sequence[Command], lineage: Mapping[str, Any]
) -> dict[str, str]:
    """Every file of the site by its name; the same code and pages always give the same files.

    Args:
        root: The checkout with the hand-written pages; None: only what the code tells.
        commands: The program, then its commands.
        lineage: The graph of all columns, as `lineage.lineage_graph` gives it.

    Raises:
        OSError: A page of the checkout cannot be read.
    """
    written = _written(root) if root else {}
    pages = _pages(written, commands, lineage)
    menu = {
        section: list(group)
        for section, group in groupby(pages, lambda page: page.section)
        if section
    }
    static = files("sparkify_dagster.docs_site").joinpath("static")
    made = {name: static.joinpath(name).read_text(encoding="utf-8") for name in _STATIC}
    made["search.js"] = search.index(_entries(written, commands))
    templates = _templates()
    for page in pages:
        told = {**page.content, "page": page, "menu": menu, "version": __version__}
        made[page.file] = templates.get_template(page.template).render(told)
    return made


def _written(root: Path) -> dict[str, Prose]:
    """The hand-written pages, by the page of the site."""
    paths = [_OVERVIEW, *(f"docs/{path.name}" for path in sorted((root / "docs").glob("*.md")))]
    texts = {path: (root / path).read_text(encoding="utf-8") for path in paths}
    site = {path: Target(_file(path), _label(title_of(text))) for path, text in texts.items()}
    found = {}
    for path, text in texts.items():
        if path == _SETTINGS:
            text = text.partition(f"## {ALL_SETTINGS}\n")[0]
        found[_file(path)] = rendered(
            text, path, site, page_of, lambda name: (root / name).read_bytes()
        )
    return found


def _label(title: str) -> str:
    """A title as it stands in the menu: without what follows a colon."""
    return title.partition(":")[0]


def _file(path: str) -> str:
    return "overview.html" if path == _OVERVIEW else f"{Path(path).stem}.html"


def _pages(
    written: Mapping[str, Prose], commands: Sequence[Command], lineage: Mapping[str, Any]
) -> list[Page]:
    """All pages, those of one section of the menu together."""
    tables = table_pages(LoadSettings().schema_name)
    arranged = flows(lineage)
    use = _file(_IN_USE)
    return [
        *_first(written, commands, tables),
        *_prose(written, [_file(_OVERVIEW)], _START),
        Page("tables.html", "Tables", "Tables", _DATA, "tables.html", {"tables": tables}),
        Page("checks.html", "Checks", "Checks", _DATA, "checks.html", {"tables": tables}),
        Page(
            "lineage.html", "Lineage", "Lineage", _DATA, "lineage.html",
            {"flows": arranged, "data": for_script(arranged)},
        ),
        _commands_page(commands),
        _settings_page(written.get(_file(_SETTINGS))),
        *_prose(written, [use], _USE),
        *_prose(written, [f for f in written if f not in (use, *_ELSEWHERE)], _KNOW),
        *(
            Page(
                page_of(page.table.name) or "", page.table.name, page.table.name, "", "table.html",
                {"it": page, "flows": arranged.by_name}, parent="tables.html",
            )
            for page in tables
        ),
    ]  # fmt: skip


_ELSEWHERE = (_file(_OVERVIEW), _file(_SETTINGS))


def _first(
    written: Mapping[str, Prose], commands: Sequence[Command], tables: Sequence[Any]
) -> list[Page]:
    counts = {
        "tables": len(tables),
        "columns": sum(len(page.table.columns) for page in tables),
        "checks": sum(len(page.checks) for page in tables),
        "commands": len(commands) - 1,
        "settings": len(describe_settings()),
    }
    content = {
        "counts": counts, "tables": tables, "graph": drawn(asset_graph(), page_of),
        "checkout": bool(written),
    }  # fmt: skip
    return [Page("index.html", "Sparkify's data platform", "Home", _START, "home.html", content)]


def _prose(written: Mapping[str, Prose], wanted: Sequence[str], section: str) -> Iterator[Page]:
    for file in wanted:
        if prose := written.get(file):
            label = "Overview" if file == _file(_OVERVIEW) else _label(prose.title)
            yield Page(
                file, prose.title, label, section, "prose.html", {"prose": prose}, prose.headings
            )


def _commands_page(commands: Sequence[Command]) -> Page:
    headings = [Heading(2, command.name, command.name) for command in commands]
    content = {"commands": commands}
    return Page("commands.html", "Commands", "Commands", _USE, "commands.html", content, headings)


def _settings_page(prose: Prose | None) -> Page:
    sections = {
        name: list(group) for name, group in groupby(describe_settings(), lambda s: s.section)
    }
    headings = [Heading(2, ALL_SETTINGS, anchor(ALL_SETTINGS))]
    headings += [Heading(3, f"[{name}]", name) for name in sections]
    content = {"prose": prose, "sections": sections}
    return Page("settings.html", "Settings", "Settings", _USE, "settings.html", content, headings)


def _entries(written: Mapping[str, Prose], commands: Sequence[Command]) -> Iterator[search.Entry]:
    for page in table_pages(LoadSettings().schema_name):
        yield from search.of_table(page)
    for command in commands[1:]:
        yield from search.of_command(command)
    yield from map(search.of_setting, describe_settings())
    for file, prose in written.items():
        yield from search.of_prose(file, prose.title, prose.headings)


def _templates() -> Any:
    from jinja2 import Environment, PackageLoader, StrictUndefined

    made = Environment(
        loader=PackageLoader("sparkify_dagster.docs_site"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters.update(inline=inline, highlighted=highlighted, by_table=by_table)
    made.globals.update(page_of=page_of, layers=LAYERS)
    return made

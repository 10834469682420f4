"""The whole site: which pages there are, and what each is made of.

What belongs here: the list of pages and their order. What stands on a page is its template and the
modules beside this one; where it is written is `writing`'s.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from importlib.resources import files
from itertools import groupby
from pathlib import Path
from typing import Any, NamedTuple

from sparkify_dagster import __version__
from sparkify_dagster.docs_site import flows, search
from sparkify_dagster.docs_site.commands import Command
from sparkify_dagster.docs_site.contract import data_contract
from sparkify_dagster.docs_site.mermaid import parsed
from sparkify_dagster.docs_site.notebooks import as_markdown
from sparkify_dagster.docs_site.picture import drawn
from sparkify_dagster.docs_site.placing import Graph
from sparkify_dagster.docs_site.prose import Heading, Prose, Target, anchor, rendered, title_of
from sparkify_dagster.docs_site.tables import (
    TablePage,
    asset_graph,
    page_of,
    schema_texts,
    table_pages,
)
from sparkify_dagster.docs_site.templating import templates
from sparkify_dagster.settings import LoadSettings, describe_settings

_STATIC = ("site.css", "site.js", "lineage.js")
_START, _DATA, _USE, _KNOW = "Start", "Data", "Use", "Understand"
_OVERVIEW, _SETTINGS, _IN_USE = "README.md", "docs/settings.md", "docs/operations.md"
CONTRACT = "datacontract.yaml"
ALL_SETTINGS = "All settings"
"""The heading of `docs/settings.md` whose table the site makes itself."""


class Page(NamedTuple):
    """One page.

    Attributes:
        section: The heading it stands under in the menu; "" for a page that is not in the menu.
        it: What it is about, where its template serves several pages.
        template: Its template, if that is not called as the page is.
        label: Its name in the menu, if that is not its title.
        parent: The page of the menu it belongs to, if it is not in the menu itself.
    """

    file: str
    title: str
    section: str
    it: Prose | TablePage | None = None
    headings: Sequence[Heading] = ()
    template: str = ""
    label: str = ""
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
    tables = table_pages(LoadSettings().schema_name)
    settings = describe_settings()
    found = list(search.entries(tables, commands[1:], settings, written))
    sections = {name: list(group) for name, group in groupby(settings, lambda s: s.section)}
    pages = _menu(written, commands, sections)
    told = {
        "menu": {name: list(group) for name, group in groupby(pages, lambda page: page.section)},
        "graph": drawn(asset_graph()),
        "schema": {layer: drawn(parsed(text) or Graph()) for layer, text in schema_texts().items()},
        "tables": tables,
        "commands": commands,
        "sections": sections,
        "flows": flows.flows(lineage),
        "lanes": flows.layers(lineage),
        "edges": flows.numbered(lineage),
        "checkout": root is not None,
        "version": __version__,
    }
    made = {
        page.file: templates().get_template(page.template or page.file).render(told, page=page)
        for page in (*pages, *map(_of_table, tables))
    }
    static = files("sparkify_dagster.docs_site").joinpath("static")
    made |= {name: static.joinpath(name).read_text(encoding="utf-8") for name in _STATIC}
    # A script: a page opened from a folder may fetch nothing.
    made["search.js"] = f"const SEARCH = {json.dumps(found, separators=(',', ':'))};\n"
    made[CONTRACT] = data_contract()
    return made


def _written(root: Path) -> dict[str, Prose]:
    """The hand-written pages, by the page of the site."""
    paths = [_OVERVIEW, *(f"docs/{path.name}" for path in sorted((root / "docs").glob("*.md")))]
    texts = {path: (root / path).read_text(encoding="utf-8") for path in paths}
    for path in sorted((root / "docs" / "notebooks").glob("*.ipynb")):
        texts[f"docs/notebooks/{path.name}"] = as_markdown(path.read_text(encoding="utf-8"))
    site = {path: Target(_file(path), _label(title_of(text))) for path, text in texts.items()}
    return {
        site[path].href: rendered(
            text.partition(f"## {ALL_SETTINGS}\n")[0],
            path, site, lambda name: (root / name).read_bytes(),
        )
        for path, text in texts.items()
    }  # fmt: skip


def _label(title: str) -> str:
    """A title as it stands in the menu: without what follows a colon."""
    return title.partition(":")[0]


def _file(path: str) -> str:
    return "overview.html" if path == _OVERVIEW else f"{Path(path).stem}.html"


def _menu(
    written: Mapping[str, Prose], commands: Iterable[Command], sections: Iterable[str]
) -> list[Page]:
    """The pages of the menu, those of one section together."""
    overview, in_use, settings = map(_file, (_OVERVIEW, _IN_USE, _SETTINGS))
    others = [file for file in written if file not in (overview, in_use, settings)]
    of_commands = [Heading(2, command.name, command.anchor) for command in commands]
    of_settings = [Heading(2, ALL_SETTINGS, anchor(ALL_SETTINGS))]
    of_settings += [Heading(3, f"[{name}]", name) for name in sections]
    return [
        Page("index.html", "Sparkify's data platform", _START, label="Home"),
        *_prose(written, [overview], _START, "Overview"),
        Page("tables.html", "Tables", _DATA),
        Page("schema.html", "Schema", _DATA),
        Page("checks.html", "Checks", _DATA),
        Page("lineage.html", "Lineage", _DATA),
        Page("commands.html", "Commands", _USE, headings=of_commands),
        Page("settings.html", "Settings", _USE, written.get(settings), of_settings),
        *_prose(written, [in_use], _USE),
        *_prose(written, others, _KNOW),
    ]


def _prose(
    written: Mapping[str, Prose], wanted: Iterable[str], section: str, label: str = ""
) -> list[Page]:
    found = {file: written[file] for file in wanted if file in written}
    return [
        Page(file, it.title, section, it, it.headings, "prose.html", label or _label(it.title))
        for file, it in found.items()
    ]


def _of_table(it: TablePage) -> Page:
    name = it.table.name
    return Page(f"{page_of(name)}", name, "", it, template="table.html", parent="tables.html")

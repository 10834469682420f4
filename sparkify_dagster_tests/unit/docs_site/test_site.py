"""The built site against what it documents: nothing is left out, no link is broken."""

from __future__ import annotations

import json
from collections.abc import Mapping
from itertools import pairwise
from urllib.parse import unquote

import click

from sparkify_dagster.docs_site.commands import described
from sparkify_dagster.docs_site.site import build_site
from sparkify_dagster.lineage import lineage_graph
from sparkify_dagster.model.catalog import TABLES
from sparkify_dagster.model.checks import all_checks
from sparkify_dagster.model.ddl import create_table, relations
from sparkify_dagster.model.statements import statement
from sparkify_dagster.settings import describe_settings
from sparkify_dagster_tests.unit.docs_site.conftest import ROOT, program
from sparkify_dagster_tests.unit.docs_site.reading import Page

Pages = Mapping[str, Page]


def plain(text: str) -> str:
    """A sentence as it reads on a page: without backticks, blanks folded."""
    return " ".join(text.replace("`", "").split())


def test_every_table_has_a_page_with_its_meaning_and_physical_design(pages: Pages) -> None:
    for table in TABLES.values():
        text = pages[f"table-{table.name}.html"].text
        assert plain(table.meaning) in text
        assert f"DISTSTYLE {table.physical.style}" in text
        assert plain(table.physical.why) in text
        assert table.name in pages["tables.html"].text
        by = ", ".join(table.refresh_keys.columns) if table.refresh_keys else ""
        assert (f"piece by piece, by {by}:" in text) == bool(by)


def test_every_column_is_described(pages: Pages) -> None:
    for table in TABLES.values():
        named = pages[f"table-{table.name}.html"].named
        for column in table.columns:
            row = named[f"column-{column.name}"]
            assert row.startswith(column.name)
            assert column.sql_type in row
            assert plain(column.meaning) in row
            marks = row.partition(column.sql_type)[0].split()
            assert ("key" in marks) == (column.name in table.key)
            assert ("required" in marks) == column.required
            assert ("personal" in marks) == bool(column.personal)
            assert all(value in row for value in column.accepted)


def test_every_check_is_there_with_claim_and_remedy_on_its_table_and_among_all(
    pages: Pages,
) -> None:
    for check in all_checks():
        row = pages[f"table-{check.table}.html"].named[f"check-{check.name}"]
        assert plain(check.claim) in row
        assert plain(check.remedy) in row
        assert plain(check.claim) in pages["checks.html"].text
        assert ("blocks the load" in row) == check.blocking


def test_every_table_shows_the_sql_that_fills_and_makes_it_on_both_engines(pages: Pages) -> None:
    for table in TABLES.values():
        text = pages[f"table-{table.name}.html"].text
        for engine in ("duckdb", "redshift"):
            assert " ".join(create_table(table, "sparkify", engine).split()) in text  # type: ignore[arg-type]
        if table.sql:
            assert " ".join(statement(table.sql, relations("sparkify")).split()) in text


def test_every_setting_is_described(pages: Pages) -> None:
    page = pages["settings.html"]
    for setting in describe_settings():
        assert setting.key in page.named[f"{setting.section}-{setting.key}"]
        for said in (setting.env, setting.meaning, setting.expected, setting.default):
            assert plain(said) in page.text, said


def test_every_command_and_each_of_its_options_is_described(pages: Pages) -> None:
    page = pages["commands.html"]
    for name, command in program().commands.items():
        assert name in page.ids
        assert plain((command.help or "").split("\n\n")[0]) in page.text
        for parameter in command.params:
            said = getattr(parameter, "help", None)
            assert said, f"{name}: {parameter.name} has no help"
            assert plain(said) in page.text
            if isinstance(parameter, click.Option):
                assert max(parameter.opts, key=len) in page.text


def test_the_lineage_of_every_column_is_there_without_a_script(pages: Pages) -> None:
    page = pages["lineage.html"]
    graph = lineage_graph()
    assert {node["id"] for node in graph["nodes"]} <= set(page.ids)
    rows = {name: text for name, text in page.named.items() if "." in name}
    for edge in graph["edges"]:
        assert edge["from"].partition(".")[2] in rows[edge["to"]]


def test_every_hand_written_page_of_the_checkout_is_in_the_site(pages: Pages) -> None:
    for path in (ROOT / "docs").glob("*.md"):
        assert f"{path.stem}.html" in pages
    assert "What is promised" in pages["overview.html"].text


def test_the_settings_page_shows_each_setting_once(pages: Pages) -> None:
    text = pages["settings.html"].text
    assert text.count("SPARKIFY_DAYS__FIRST") == 1
    assert "Which engine." in text


def test_no_link_leads_nowhere(pages: Pages, files: Mapping[str, str]) -> None:
    broken = []
    for name, page in pages.items():
        for link in page.links:
            if "://" in link or link.startswith("data:image/png;"):
                continue
            target, _, anchor = link.partition("#")
            target = target or name
            found = target in files
            if anchor and found:
                found = unquote(anchor) in pages[target].ids
            if not found:
                broken.append(f"{name}: {link}")
    assert broken == []


def test_what_the_search_finds_is_there(pages: Pages, files: Mapping[str, str]) -> None:
    entries = json.loads(files["search.js"].removeprefix("const SEARCH = ").rstrip(";\n"))
    found = {(name, kind) for name, kind, _, _ in entries}
    assert {(name, "table") for name in TABLES} <= found
    assert {
        (f"{table.name}.{c.name}", "column") for table in TABLES.values() for c in table.columns
    } <= found
    assert {(f"[{s.section}] {s.key}", "setting") for s in describe_settings()} <= found
    assert {name.split()[1] for name, kind in found if kind == "command"} == set(program().commands)
    for _, _, page, _ in entries:
        file, _, anchor = page.partition("#")
        assert not anchor or anchor in pages[file].ids, page


def test_pages_are_whole_and_no_anchor_stands_twice(pages: Pages) -> None:
    for name, page in pages.items():
        assert page.unclosed == [], name
        assert len(page.ids) == len(set(page.ids)), name


def test_headings_begin_with_one_title_and_leave_no_level_out(pages: Pages) -> None:
    for name, page in pages.items():
        levels = [level for level, _ in page.headings]
        own = levels[levels.index(1) :]  # The menu's stand before it.
        assert own.count(1) == 1, name
        assert all(b - a <= 1 for a, b in pairwise(own)), name


def test_nothing_is_fetched_from_elsewhere(files: Mapping[str, str], pages: Pages) -> None:
    for name, page in pages.items():
        loaded = [link for link in page.links if link.endswith((".js", ".css", ".woff2", ".png"))]
        assert all("://" not in link for link in loaded), name
    assert "url(" not in files["site.css"]
    assert "@import" not in files["site.css"]
    assert "fetch(" not in files["site.js"] + files["lineage.js"]


def test_no_name_ends_the_script_that_is_told_it() -> None:
    name = "a.</script><script>alert(1)//<!--\u2028"
    node = {"id": name, "table": "a", "column": name[2:], "layer": "lake"}
    html = build_site(None, described(program()), {"nodes": [node], "edges": []})["lineage.html"]
    told = html.partition('<script type="application/json" id="edges">')[2]
    data, _, rest = told.partition("</script>")
    assert json.loads(data)["nodes"] == [name]
    assert "<" not in data
    assert "\u2028" not in data
    assert "alert(1)" not in rest


def test_the_same_code_gives_the_same_site(files: Mapping[str, str]) -> None:
    again = build_site(ROOT, described(program()), lineage_graph())
    assert again == files


def test_an_installed_package_has_the_generated_pages_and_says_what_is_missing() -> None:
    files = build_site(None, described(program()), lineage_graph())
    assert {"index.html", "tables.html", "settings.html", "commands.html"} <= files.keys()
    assert "operations.html" not in files
    assert "installed package" in files["index.html"]
    assert "make demo" not in files["index.html"]
    assert "overview.html" not in "".join(files.values())


def test_every_drawing_of_the_readme_is_drawn(files: Mapping[str, str]) -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    html = files["overview.html"]
    assert html.count("<svg") == text.count("```mermaid") > 0
    assert "flowchart" not in html

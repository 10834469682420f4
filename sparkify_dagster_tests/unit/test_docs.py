"""The README and the docs against the code: what they name exists, and what exists is named."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path

import botocore.session
import pytest
import typer.main
from botocore import xform_name

from sparkify_dagster.cli.app import app
from sparkify_dagster.defs.page import REPORT, report_spec
from sparkify_dagster.factory import require_supported
from sparkify_dagster.model.catalog import TABLES
from sparkify_dagster.model.table import Layer
from sparkify_dagster.settings import load_settings
from sparkify_dagster_tests.unit.test_layers import LAYERS

ROOT = Path(__file__).resolve().parents[2]
AT_THE_TOP = [ROOT / name for name in ("README.md", "CONTRIBUTING.md", "SECURITY.md")]
PAGES = [*AT_THE_TOP, *sorted((ROOT / "docs").glob("*.md"))]
README = PAGES[0].read_text(encoding="utf-8")
COMMANDS = set(typer.main.get_command(app).commands)  # type: ignore[attr-defined]
TARGETS = set(re.findall(r"^([a-z]+):.*## ", (ROOT / "Makefile").read_text(), re.MULTILINE))


def text_of(page: Path) -> str:
    return page.read_text(encoding="utf-8")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_command_a_page_names_exists(page: Path) -> None:
    named = set(re.findall(r"`(?:\.venv/bin/)?sparkify ([a-z-]+)", text_of(page)))
    assert named <= COMMANDS


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_make_target_a_page_names_exists(page: Path) -> None:
    named = set(re.findall(r"`make ([a-z]+)|^make ([a-z]+)", text_of(page), re.MULTILINE))
    assert {first or second for first, second in named} <= TARGETS


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_of_a_page_leads_somewhere(page: Path) -> None:
    links = re.findall(r"\]\(([^)#]+)[^)]*\)", text_of(page))
    missing = [link for link in links if "://" not in link and not (page.parent / link).exists()]
    assert missing == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_heading_a_page_links_to_is_there(page: Path) -> None:
    for name, heading in re.findall(r"\]\(([^)#\s]*)#([^)]+)\)", text_of(page)):
        headings = re.findall(r"^#+ (.+)$", text_of(page.parent / name if name else page), re.M)
        assert heading in {_anchor(text) for text in headings}


def test_every_file_the_recipes_name_is_there() -> None:
    named = re.findall(r"`([\w.]+(?:/[\w.]*)+|\w+\.(?:py|md))`", text_of(ROOT / "CONTRIBUTING.md"))
    assert len(named) > 20
    roots = (ROOT, ROOT / "sparkify_dagster_tests")
    missing = [path for path in named if not any((root / path).exists() for root in roots)]
    assert [path for path in missing if "NAME" not in path] == [], "not in CONTRIBUTING.md"


def _anchor(heading: str) -> str:
    return re.sub(r"[^a-z0-9 _-]", "", heading.lower()).replace(" ", "-")


def test_the_settings_of_production_are_accepted(tmp_path: Path) -> None:
    (example,) = blocks("ini")
    file = tmp_path / "dwh.cfg"
    file.write_text(example)
    settings = load_settings(file, environ={})
    require_supported(settings)
    assert settings.engine == "redshift"


def test_every_policy_is_json_that_allows_something() -> None:
    policies = [json.loads(text) for text in blocks("json")]
    assert len(policies) == 9
    assert all({"Statement", "Effect", "Rules"} & policy.keys() for policy in policies)


def test_the_commands_of_aws_are_those_that_its_services_know() -> None:
    commands = "\n".join(blocks("sh")).replace("\\\n", " ").splitlines()
    assert len(commands) == 4
    for command in commands:
        _, service, name, *words = shlex.split(command)
        model = botocore.session.get_session().get_service_model(service)
        shape = model.operation_model("".join(map(str.title, name.split("-")))).input_shape
        known = {xform_name(member, "-") for member in shape.members} | {"query"}
        options = {word.removeprefix("--") for word in words if word.startswith("--")}
        assert {option.removeprefix("no-") for option in options} <= known
        assert {xform_name(member, "-") for member in shape.required_members} <= options


def blocks(kind: str) -> list[str]:
    page = text_of(ROOT / "docs" / "redshift.md")
    return re.findall(rf"^```{kind}\n(.*?)^```", page, re.MULTILINE | re.DOTALL)


def test_the_readme_names_every_command() -> None:
    assert set(re.findall(r"\| `sparkify ([a-z-]+)", README)) == COMMANDS


def test_the_readme_names_every_table() -> None:
    rows = re.findall(r"^\| (`[a-z_`, ]+`) \|", README, re.MULTILINE)
    named = {name for row in rows for name in re.findall(r"`([a-z_]+)`", row)}
    assert set(TABLES) <= named, f"a row for each in README.md: {sorted(set(TABLES) - named)}"


def test_the_picture_in_the_readme_has_every_edge_of_the_model() -> None:
    drawn = set(re.findall(r"^  (\w+) --> (\w+)$", README, re.MULTILINE))
    shown = {name for name, table in TABLES.items() if table.layer is not Layer.LEDGER}
    declared = {(source, name) for name in shown for source in shown & {*TABLES[name].reads}}
    declared |= {(dep.asset_key.to_user_string(), REPORT) for dep in report_spec("").deps}
    drawn = {edge for edge in drawn if not edge[1].startswith("staging")}
    assert drawn == declared, (
        f"draw in README.md what a statement reads: {sorted(declared - drawn)}, "
        f"and take out what none does: {sorted(drawn - declared)}"
    )


def test_the_picture_in_the_readme_has_the_tables_of_each_layer() -> None:
    for layer in (Layer.STAGING, Layer.STAR, Layer.MART):
        (box,) = re.findall(rf"subgraph {layer}\n(.*?)  end", README, re.DOTALL)
        declared = {table.name for table in TABLES.values() if table.layer is layer}
        assert set(box.split()) == declared, (
            f"the subgraph {layer} in README.md: {sorted(set(box.split()) ^ declared)}"
        )


ARCHITECTURE = text_of(ROOT / "docs" / "architecture.md")


def test_the_architecture_page_draws_the_layers_that_the_test_of_imports_holds() -> None:
    named = re.findall(r"^\| `([a-z_/]+)` \|", ARCHITECTURE, re.MULTILINE)
    layers = [name for name in LAYERS if name != "__main__"]
    listed = [name for name in named if "/" not in name]
    assert listed == layers, (
        f"the table in docs/architecture.md, in this order: {', '.join(layers)}; it lacks "
        f"{sorted(set(layers) - set(listed))} and has besides {sorted(set(listed) - set(layers))}"
    )
    packages = {path.parent for path in (ROOT / "sparkify_dagster").glob("*/*/__init__.py")}
    inner = {"/".join(path.parts[-2:]) for path in packages}
    assert {name for name in named if "/" in name} == inner, "a row for each in that table"


def test_the_glossary_says_each_term_once_and_every_layer_of_the_model() -> None:
    terms = re.findall(r"^### (.+)$", text_of(ROOT / "docs" / "glossary.md"), re.MULTILINE)
    assert len(terms) == len(set(terms))
    assert {layer.value.capitalize() for layer in Layer} <= set(terms)

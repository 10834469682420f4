"""What the package declares it needs, it imports; what it is made of is used where one looks."""

from __future__ import annotations

from functools import cache

import pytest

from sparkify_dagster_tests.unit.test_layers import MODULES, imports
from sparkify_dagster_tests.unit.test_pins import asked, canonical

MODULE_OF = {
    "markdown-it-py": "markdown_it",
    "psycopg2-binary": "psycopg2",
    "pyyaml": "yaml",
}
"""Where a package's module is not called after it."""
STARTED = {"dagster-webserver": "`dagster dev` starts it as a program of its own"}
USED_IN = {
    "pandas": {"analysis"},
    "dagster_aws": {"defs"},
    "psycopg2": {"warehouse.redshift"},
    "xlsxwriter": {"analysis"},
}
"""The parts of the package in which a user would look for each, and nowhere else."""


@cache
def imported() -> set[tuple[str, str]]:
    """What is imported from elsewhere, and by which module of ours."""
    return {
        (name.partition(".")[0], module.removeprefix("sparkify_dagster."))
        for module in MODULES
        for name in imports(module)
    }


def test_no_dependency_is_declared_that_nothing_imports() -> None:
    declared = [
        canonical(r.name)
        for r in asked(("options", "install_requires"), ("options.extras_require", "excel"))
    ]
    found = {module for module, _ in imported()}
    idle = {
        name
        for name in declared
        if MODULE_OF.get(name, name.replace("-", "_")) not in found and name not in STARTED
    }
    assert idle == set(), "use it or leave it out of setup.cfg"
    assert set(STARTED) <= set(declared)


@pytest.mark.parametrize("name", USED_IN)
def test_what_the_platform_is_made_of_is_used_where_one_would_look_for_it(name: str) -> None:
    places = {place for module, place in imported() if module == name}
    for part in USED_IN[name]:
        assert any(place.startswith(f"{part}.") for place in places), f"{part} uses no {name}"
    elsewhere = {p for p in places if not p.startswith(tuple(f"{part}." for part in USED_IN[name]))}
    assert elsewhere == set()

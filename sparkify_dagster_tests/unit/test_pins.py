"""What is installed is pinned by version and hash, and agrees with what the package asks for."""

from __future__ import annotations

import configparser
import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from sparkify_dagster import __version__

ROOT = Path(__file__).resolve().parents[2]
LOCKS = (
    "constraints.txt",
    "constraints-cloud.txt",
    "constraints-ministack.txt",
    "constraints-production.txt",
    "constraints-dev.txt",
    "constraints-tools.txt",
    "bench/requirements.txt",
)
HASH = re.compile(r"--hash=sha256:[0-9a-f]{64}")


def locked(name: str) -> dict[str, tuple[Requirement, frozenset[str]]]:
    """The requirements of a lock file with their hashes, by the name that pip compares."""
    text = re.sub(r"^#.*$", "", (ROOT / name).read_text(), flags=re.MULTILINE)
    found = {}
    for line in text.replace("\\\n", " ").splitlines():
        if line.strip():
            pin, *hashes = re.split(r"\s+(?=--)", line.strip())
            requirement = Requirement(pin)
            found[canonical(requirement.name)] = (requirement, frozenset(hashes))
    return found


def canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def asked(*sections: tuple[str, str]) -> list[Requirement]:
    """What the package asks for in setup.cfg."""
    config = configparser.ConfigParser()
    config.read(ROOT / "setup.cfg")
    lines = "\n".join(config[section][option] for section, option in sections).splitlines()
    return [Requirement(line) for line in lines if line.strip() and not line.startswith("#")]


@pytest.mark.parametrize("name", LOCKS)
def test_every_package_is_pinned_with_hashes_and_no_host_is_named(name: str) -> None:
    pins = locked(name)
    assert len(pins) > 10
    for requirement, hashes in pins.values():
        assert [s.operator for s in requirement.specifier] == ["=="], requirement
        assert requirement.url is None
        assert hashes, requirement
        assert all(HASH.fullmatch(found) for found in hashes), requirement
    assert "://" not in (ROOT / name).read_text()


RUNTIME = ("options", "install_requires")


@pytest.mark.parametrize(
    ("name", "sections"),
    [
        ("constraints.txt", [RUNTIME]),
        ("constraints-production.txt", [RUNTIME, ("options.extras_require", "production")]),
        ("constraints-dev.txt", [RUNTIME, ("options.extras_require", "dev")]),
    ],
)
def test_the_pins_are_of_the_versions_that_are_allowed(
    name: str, sections: list[tuple[str, str]]
) -> None:
    build = tomllib.loads((ROOT / "pyproject.toml").read_text())["build-system"]["requires"]
    pins = locked(name)
    for requirement in [*asked(*sections), *map(Requirement, build)]:
        (pinned,) = pins[canonical(requirement.name)][0].specifier
        assert requirement.specifier.contains(pinned.version, prereleases=True), requirement


@pytest.mark.parametrize("name", ["constraints.txt", "constraints-production.txt"])
def test_the_tests_run_with_what_the_warehouse_runs_with(name: str) -> None:
    runtime, dev = locked(name), locked("constraints-dev.txt")
    for name, (requirement, hashes) in runtime.items():
        assert dev[name][0].specifier == requirement.specifier
        assert dev[name][1] == hashes
    assert len(dev) > len(runtime)


def test_actions_are_pinned_by_commit() -> None:
    used = [
        line
        for workflow in (ROOT / ".github" / "workflows").glob("*.yml")
        for line in workflow.read_text().splitlines()
        if "uses:" in line
    ]
    assert used
    for line in used:
        assert re.search(r"uses: [\w./-]+@[0-9a-f]{40} # v[0-9.]+$", line), line


def test_the_version_is_declared_once_and_the_changelog_tells_what_it_changes() -> None:
    config = configparser.ConfigParser()
    config.read(ROOT / "setup.cfg")
    assert config["metadata"]["version"] == "attr: sparkify_dagster.__version__"
    released = re.findall(
        r"^## \[([0-9.]+)\] - 20", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE
    )
    assert released[0] == __version__, "head its changes in CHANGELOG.md with version and date"

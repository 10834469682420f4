"""Imports point downwards only, and nothing but the settings reads the environment."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import sparkify_dagster

PACKAGE = Path(sparkify_dagster.__file__).parent
MODULES = {
    ".".join(("sparkify_dagster", *path.relative_to(PACKAGE).with_suffix("").parts)): path
    for path in sorted(PACKAGE.rglob("*.py"))
}
TOP = (
    "assets", "checks", "cli", "definitions", "build", "jobs", "sensors", "resources",
    "launch", "history", "alert_sensors", "lost_runs", "docsite",
)  # fmt: skip
FORBIDDEN = {
    "model": ("dagster", "duckdb", "pyarrow", "pandas", "lake", "warehouse", "settings", *TOP),
    "lake": ("dagster", "pandas", "warehouse", "settings", "generator", *TOP),
    "warehouse": ("dagster", "pandas", "settings", "generator", *TOP),
    "generator": ("dagster", "duckdb", "pandas", "model", "lake", "warehouse", "settings", *TOP),
    "settings": ("dagster", "duckdb", "pandas", "model", "lake", "warehouse", "generator", *TOP),
    "alerts": ("dagster", "pandas", "settings", "warehouse", "lake", "generator", *TOP),
    "triggers": ("dagster", "pandas", "settings", "generator", *TOP),
    "counting": ("dagster", "duckdb", "pandas", "model", "lake", "warehouse", "settings", *TOP),
    "plain": ("dagster", "duckdb", "pandas", "model", "lake", "warehouse", "settings", *TOP),
    "masking": ("dagster", "duckdb", "pandas", "model", "lake", "warehouse", "settings", *TOP),
    "aws": ("dagster", "dagster_aws", "pandas", "settings", "warehouse", "lake", *TOP),
    "lineage": ("dagster", "duckdb", "pandas", "lake", "warehouse", "settings", "generator", *TOP),
    "places": ("dagster", "dagster_aws", "pandas", "generator", *TOP),
    "liveness": ("duckdb", "pandas", "model", "lake", "warehouse", "settings", *TOP),
    "progress": ("dagster", "duckdb", "pandas", "model", "lake", "warehouse", "settings", *TOP),
    "retention": ("duckdb", "pandas", "model", "lake", "warehouse", "settings", *TOP),
    "assets": ("build", "definitions", "cli", "settings"),
    "checks": ("build", "definitions", "cli", "settings", "assets"),
    "docsite": (
        *("dagster", "duckdb", "pandas", "lake", "warehouse", "generator", "lineage"),
        *(room for room in TOP if room != "docsite"),
    ),
    "report": ("dagster", "pandas", "duckdb", "lake", "settings", "generator", *TOP),
}
"""For each room of the package: what nothing in it may import, rooms of ours and other packages."""


def tree(module: str) -> ast.Module:
    return ast.parse(MODULES[module].read_text(encoding="utf-8"))


def imports(module: str) -> Iterator[str]:
    """What a module imports anywhere in it, by full name; names taken from a package included."""
    package = module if MODULES[module].name == "__init__.py" else module.rpartition(".")[0]
    package = package.removesuffix(".__init__")
    for node in ast.walk(tree(module)):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = package.split(".")[: len(package.split(".")) - node.level + 1]
            base = ".".join([*(above if node.level else []), *filter(None, [node.module])])
            yield base
            yield from (f"{base}.{name.name}" for name in node.names)


def room(name: str) -> str:
    """The room of ours a module stands in, else the package of others."""
    parts = name.split(".")
    return parts[1] if parts[0] == "sparkify_dagster" and len(parts) > 1 else parts[0]


@pytest.mark.parametrize("module", MODULES)
def test_a_module_imports_only_what_lies_below_it(module: str) -> None:
    wrong = [name for name in imports(module) if room(name) in FORBIDDEN.get(room(module), ())]
    assert wrong == []


def test_the_test_of_layers_sees_imports_of_every_kind() -> None:
    found = set(imports("sparkify_dagster.lake.reader"))
    assert {"duckdb", "sparkify_dagster.lake.judge", "sparkify_dagster.model.table.Column"} <= found
    assert room("sparkify_dagster.warehouse.duckdb") == "warehouse"
    assert room("sparkify_dagster.settings") == "settings"
    assert room("dagster_aws.s3") == "dagster_aws"


def test_every_room_with_a_rule_is_there() -> None:
    assert set(FORBIDDEN) <= {room(module) for module in MODULES}


MAY_READ_THE_ENVIRONMENT = {"settings", "cli", "__main__"}


@pytest.mark.parametrize("module", MODULES)
def test_only_the_settings_read_the_environment(module: str) -> None:
    reads = [
        node
        for node in ast.walk(tree(module))
        if (isinstance(node, ast.Attribute) and node.attr in ("environ", "getenv", "environb"))
        or (isinstance(node, ast.alias) and node.name in ("environ", "getenv", "environb"))
    ]
    assert not reads or room(module) in MAY_READ_THE_ENVIRONMENT


_LOOK = """
import sys
opened = []
def watch(event, args):
    if event == "open" and str(args[0]).endswith("dwh.cfg"):
        opened.append(args[0])
sys.addaudithook(watch)
from sparkify_dagster.definitions import defs
print("by import:", len(opened))
try:
    defs()
except Exception as error:
    print("by use:", len(opened), type(error).__name__)
"""


def test_importing_the_definitions_reads_no_settings_and_using_them_does(tmp_path: Path) -> None:
    (tmp_path / "dwh.cfg").write_text("not a configuration", encoding="utf-8")
    told = _run(_LOOK, tmp_path, SPARKIFY_DAYS__FIRST="nonsense")
    assert told.splitlines() == ["by import: 0", "by use: 1 SettingsError"]


def test_importing_any_module_reads_no_file_of_the_package(tmp_path: Path) -> None:
    look = (
        "import importlib, sys, sparkify_dagster\n"
        "room, read = sparkify_dagster.__path__[0] + '/', []\n"
        "def noted(event, words):\n"
        "    if event == 'open' and str(words[0]).startswith(room):\n"
        "        read.append(words[0])\n"
        "sys.addaudithook(noted)\n"
        f"for name in {sorted(set(MODULES) - {'sparkify_dagster.__main__'})}:\n"
        "    importlib.import_module(name)\n"
        "print([path for path in read if '/__pycache__' not in path and not path.endswith('.py')])"
    )
    assert _run(look, tmp_path) == "[]"


def test_the_model_and_the_lake_load_without_dagster_or_pandas(tmp_path: Path) -> None:
    look = (
        "import sys, sparkify_dagster.lake.snapshot, sparkify_dagster.model.checks\n"
        "print([name for name in ('dagster', 'pandas', 'boto3') if name in sys.modules])"
    )
    assert _run(look, tmp_path) == "[]"


def test_the_command_line_starts_without_dagster_or_pandas(tmp_path: Path) -> None:
    look = (
        "import sys, sparkify_dagster.cli\n"
        "from sparkify_dagster.cli import etl, query, status, watch\n"
        "print([name for name in ('dagster', 'pandas', 'boto3') if name in sys.modules])"
    )
    assert _run(look, tmp_path) == "[]"


def test_a_laptop_does_not_pay_for_aws(tmp_path: Path) -> None:
    look = (
        "import sys\nfrom sparkify_dagster.definitions import defs\ndefs()\n"
        "aws = ('boto3', 'botocore', 'obstore', 'psycopg2', 'dagster_aws')\n"
        "print([name for name in aws if name in sys.modules])"
    )
    assert _run(look, tmp_path) == "[]"


def _run(code: str, folder: Path, **environ: str) -> str:
    """What a fresh interpreter prints in a folder of its own."""
    path = str(PACKAGE.parent)
    told = subprocess.run(
        [sys.executable, "-c", code],
        cwd=folder,
        env={"PYTHONPATH": path, "PATH": "/usr/bin:/bin", "HOME": str(folder), **environ},
        capture_output=True,
        text=True,
        check=False,
    )
    assert told.returncode == 0, told.stderr
    return told.stdout.strip()

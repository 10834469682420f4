"""Imports point downwards only, and nothing but the settings reads the environment."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

import sparkify_dagster

PACKAGE = Path(sparkify_dagster.__file__).parent
MODULES = {
    ".".join(("sparkify_dagster", *path.relative_to(PACKAGE).with_suffix("").parts)): path
    for path in sorted(PACKAGE.rglob("*.py"))
}
LAYERS = (
    "__main__", "cli", "definitions", "defs", "report", "docs_site", "cluster", "analysis",
    "factory", "pipeline", "warehouse", "lineage", "lake", "generator", "model", "settings",
    "core",
)  # fmt: skip
"""All packages and modules of the root, top first: each imports only what stands after it."""

ELSEWHERE = {
    "pandas": {"analysis"},
    "dagster": {"definitions", "defs"},
    "dagster_aws": {"defs"},
    "duckdb": {"cli", "pipeline", "warehouse", "lake"},
}
"""Packages of others that only some layers import."""

ROOT_MODULES = 4
MOST_LINES = 400
PRIVATE = "sparkify_dagster.defs.internals"


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


def layer(name: str) -> str:
    """The layer of ours a module stands in, else the package of others."""
    parts = name.split(".")
    return parts[1] if parts[0] == "sparkify_dagster" and len(parts) > 1 else parts[0]


def is_ours(name: str) -> bool:
    return name.startswith("sparkify_dagster.") and layer(name) in LAYERS


@pytest.mark.parametrize("module", MODULES)
def test_a_module_imports_only_what_lies_below_it(module: str) -> None:
    if module == "sparkify_dagster.__init__":
        ours = {name for name in imports(module) if is_ours(name)}
        assert {layer(name) for name in ours} == {"analysis"}, (
            "the package's face is the door alone"
        )
        return
    assert is_ours(module), f"list {layer(module)} in LAYERS, where it stands among the others"
    place = LAYERS.index(layer(module))
    upwards = [
        name for name in imports(module) if is_ours(name) if LAYERS.index(layer(name)) < place
    ]
    assert not upwards, f"{module} imports upwards: {upwards}. Move one of them, or hand it a value"


def test_every_package_and_root_module_has_its_place_among_the_layers() -> None:
    there = {layer(module) for module in MODULES} - {"__init__"}
    assert there == set(LAYERS), (
        "list it in LAYERS (tests/unit/test_layers.py) and in docs/architecture.md: "
        f"{sorted(there ^ set(LAYERS))}"
    )


def test_no_modules_import_each_other_in_a_circle() -> None:
    known = set(MODULES)
    graph = {
        module: {name for name in imports(module) if name in known and name != module}
        for module in MODULES
    }
    try:
        tuple(TopologicalSorter(graph).static_order())
    except CycleError as error:
        pytest.fail(
            f"a circle of imports: {' <- '.join(error.args[1])}. Move what two of them need into "
            "a module below both"
        )


def test_the_root_holds_few_modules() -> None:
    root = [name for name in MODULES if name.count(".") == 1]
    assert len(root) <= ROOT_MODULES, f"move one of them into a package: {root}"


@pytest.mark.parametrize("module", MODULES)
def test_a_module_has_at_most_four_hundred_lines(module: str) -> None:
    lines = len(MODULES[module].read_text(encoding="utf-8").splitlines())
    assert lines <= MOST_LINES, f"{module} has {lines} lines: give a part of it a file of its own"


@pytest.mark.parametrize("module", MODULES)
def test_a_package_of_others_is_imported_only_where_it_belongs(module: str) -> None:
    here = layer(module)
    wrong = [n for n in imports(module) if here not in ELSEWHERE.get(layer(n), {here})]
    assert not wrong, f"{module} imports {wrong}, which only {ELSEWHERE} may"


@pytest.mark.parametrize("module", MODULES)
def test_one_module_alone_imports_the_private_parts_of_dagster(module: str) -> None:
    private = [name for name in imports(module) if name.startswith("dagster._")]
    assert not private or module == PRIVATE, f"take {private} from {PRIVATE} instead"


def test_the_test_of_layers_sees_imports_of_every_kind() -> None:
    found = set(imports("sparkify_dagster.lake.reader.reader"))
    assert {
        "duckdb",
        "sparkify_dagster.lake.reader.record_rules",
        "sparkify_dagster.model.table.Column",
    } <= found
    assert layer("sparkify_dagster.warehouse.duckdb") == "warehouse"
    assert layer("sparkify_dagster.settings") == "settings"
    assert layer("dagster_aws.s3") == "dagster_aws"


MAY_READ_THE_ENVIRONMENT = {"settings", "cli", "__main__"}


@pytest.mark.parametrize("module", MODULES)
def test_only_the_settings_read_the_environment(module: str) -> None:
    reads = [
        node
        for node in ast.walk(tree(module))
        if (isinstance(node, ast.Attribute) and node.attr in ("environ", "getenv", "environb"))
        or (isinstance(node, ast.alias) and node.name in ("environ", "getenv", "environb"))
    ]
    assert not reads or layer(module) in MAY_READ_THE_ENVIRONMENT


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
        "place, read = sparkify_dagster.__path__[0] + '/', []\n"
        "def noted(event, words):\n"
        "    if event == 'open' and str(words[0]).startswith(place):\n"
        "        read.append(words[0])\n"
        "sys.addaudithook(noted)\n"
        f"for name in {sorted(set(MODULES) - {'sparkify_dagster.__main__'})}:\n"
        "    importlib.import_module(name)\n"
        "print([path for path in read if '/__pycache__' not in path and not path.endswith('.py')])"
    )
    assert _run(look, tmp_path) == "[]"


def test_importing_the_package_and_connecting_imports_no_pandas_and_no_dagster(
    tmp_path: Path,
) -> None:
    look = (
        "import sys, sparkify_dagster as sparkify\n"
        "print([name for name in sys.modules if name.startswith('sparkify_dagster.')])\n"
        "with sparkify.connect() as warehouse:\n"
        "    print([name for name in ('dagster', 'pandas', 'boto3') if name in sys.modules])\n"
        "    warehouse.describe('songplay')\n"
        "    print([name for name in ('dagster', 'pandas', 'boto3') if name in sys.modules])"
    )
    assert _run(look, tmp_path).splitlines() == ["[]", "[]", "['pandas']"]


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

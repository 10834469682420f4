"""The notebooks run on the demo's data, and show what stands in them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from sparkify_dagster.cli.demo import SPEC
from sparkify_dagster_tests.lakes import TinyLake, bring_up_to_date, warehouse_at
from sparkify_dagster_tests.notebooks import NOTEBOOKS, run

PATHS = sorted(NOTEBOOKS.glob("*.ipynb"))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A clone with the demo's data."""
    root = tmp_path_factory.mktemp("clone")
    lake = TinyLake.generated(root / "data" / "lake", SPEC)
    bring_up_to_date(lake.open(), warehouse_at(root / "data" / "warehouse.duckdb"))
    (root / "dwh.cfg").write_text("[DUCKDB]\nPATH=data/warehouse.duckdb\n")
    place = root / "docs" / "notebooks"
    place.mkdir(parents=True)
    return place


def texts(notebook: dict[str, Any]) -> list[str]:
    """What the cells show; of a picture, that it is one."""
    return [
        "".join(output.get("data", output).get("text/plain", output.get("text", ["picture"])))
        for cell in notebook["cells"]
        for output in cell.get("outputs", ())
    ]


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.stem)
def test_a_notebook_runs_on_the_demo_and_shows_what_stands_in_it(path: Path, folder: Path) -> None:
    kept = json.loads(path.read_text(encoding="utf-8"))
    made = json.loads(path.read_text(encoding="utf-8"))
    run(made, folder)
    assert texts(made) == texts(kept), "python -m sparkify_dagster_tests.notebooks DIR writes them"
    assert "picture" in texts(made)

"""Each table's page leads to its code and shows its SQL."""

from __future__ import annotations

import warnings
from pathlib import Path

import dagster as dg
import pytest

from sparkify_dagster.defs.assets import code_metadata
from sparkify_dagster.model.catalog import TABLES
from sparkify_dagster.model.statements import sql_text
from sparkify_dagster.model.table import Layer, Table

SHOWN = [table for table in TABLES.values() if table.layer is not Layer.LEDGER]


@pytest.mark.parametrize("table", SHOWN, ids=lambda table: table.name)
def test_a_table_leads_to_the_line_that_declares_it_and_to_its_sql(table: Table) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        told = code_metadata(table, "music")
    references = told["dagster/code_references"].code_references
    links = {link.label: link for link in references}
    for link in links.values():
        assert isinstance(link, dg.LocalFileCodeReference)
        assert Path(link.file_path).is_file()
    declared = links["its columns"]
    line = Path(declared.file_path).read_text().splitlines()[declared.line_number - 1]
    assert f'name="{table.name}"' in line
    assert ("its SQL" in links) == bool(table.sql)
    assert ("its load" in links) == (table.layer is Layer.STAGING)
    if table.sql:
        shown = told["sql"].value
        assert shown.startswith("```sql\n")
        assert shown.replace('"music".', "").count(f'"{table.reads[0]}"') >= 1
        assert "{" not in shown, "fit to be run"
        assert Path(links["its SQL"].file_path).read_text().strip() == sql_text(table.sql)
        assert links["its SQL"].file_path.endswith(told["sql_file"].value)


def test_no_warning_of_others_is_hidden() -> None:
    with warnings.catch_warnings(record=True) as heard:
        warnings.simplefilter("always")
        code_metadata(SHOWN[0], "music")
        warnings.warn("ours", UserWarning, stacklevel=1)
    assert [str(warning.message) for warning in heard] == ["ours"]

"""The data contract is one by the standard's own schema, and says what the model says."""

from __future__ import annotations

import yaml
from datacontract.data_contract import DataContract

from sparkify_dagster.docs_site.contract import data_contract
from sparkify_dagster.model.catalog import TABLES
from sparkify_dagster.model.checks import checks_of
from sparkify_dagster.model.table import Layer

CONTRACT = yaml.safe_load(data_contract())


def test_the_contract_is_valid_by_the_standard_as_its_own_command_line_lints_it() -> None:
    run = DataContract(data_contract_str=data_contract()).lint()
    assert [(check.result, check.name) for check in run.checks] == [
        ("passed", "Data contract is valid against ODCS v3.1.0")
    ]
    broken = yaml.safe_dump(CONTRACT | {"status": ["active"]})
    assert DataContract(data_contract_str=broken).lint().result == "failed"


def test_the_contract_names_every_table_column_key_reference_and_check_of_the_model() -> None:
    tables = {table["name"]: table for table in CONTRACT["schema"]}
    assert set(tables) == {t.name for t in TABLES.values() if t.layer is not Layer.LEDGER}
    for name, found in tables.items():
        table = TABLES[name]
        assert found["description"] == table.meaning
        columns = found["properties"]
        assert [c["name"] for c in columns] == list(table.column_names)
        assert [c["physicalType"] for c in columns] == [c.sql_type for c in table.columns]
        assert [c["required"] for c in columns] == [c.required for c in table.columns]
        key = sorted((c["primaryKeyPosition"], c["name"]) for c in columns if c.get("primaryKey"))
        assert tuple(column for _, column in key) == table.key
        refer = {(c["name"], r["to"]) for c in columns for r in c.get("relationships", ())}
        assert refer == {(r.column, f"{r.table}.{r.target}") for r in table.references}
        personal = {c["name"] for c in columns if "classification" in c}
        assert personal == {c.name for c in table.columns if c.personal}
        assert [check["name"] for check in found["quality"]] == [c.name for c in checks_of(name)]

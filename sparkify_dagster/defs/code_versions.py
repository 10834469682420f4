"""Where the code and the SQL of each asset stand, for its page in the UI.

What belongs here: links to files of this package and the SQL itself. What the SQL says stands in
`model/sql`.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path
from types import ModuleType
from typing import Any

import dagster as dg

from sparkify_dagster.model import marts, staging, star
from sparkify_dagster.model.ddl import relations
from sparkify_dagster.model.statements import statement
from sparkify_dagster.model.table import Layer, Table
from sparkify_dagster.pipeline import load_events as days
from sparkify_dagster.pipeline import load_songs as songs

_DECLARED: Mapping[Layer, ModuleType] = {
    Layer.STAGING: staging,
    Layer.STAR: star,
    Layer.MART: marts,
}
_LOADED: Mapping[str, ModuleType] = {
    staging.STAGING_SONGS.name: songs,
    staging.STAGING_EVENTS.name: days,
}


def code_metadata(table: Table, schema: str) -> dict[str, Any]:
    """Links to the code of a table, and its defining SELECT, fit to be run, where it has one."""
    declared = Path(str(_DECLARED[table.layer].__file__))
    links = [_link(declared, "its columns", _line(declared, table))]
    if table.name in _LOADED:
        links.append(_link(Path(str(_LOADED[table.name].__file__)), "its load"))
    metadata: dict[str, Any] = {}
    if table.sql:
        text = statement(table.sql, relations(schema))
        links.insert(0, _link(_sql_file(table.sql), "its SQL"))
        metadata["sql_file"] = dg.MetadataValue.text(f"sparkify_dagster/model/sql/{table.sql}")
        metadata["sql"] = dg.MetadataValue.md(f"```sql\n{text}\n```")
    with warnings.catch_warnings():
        # Links to code are beta. Ours may fall away; the SQL and its file are told as text, too.
        warnings.simplefilter("ignore", dg.BetaWarning)
        metadata["dagster/code_references"] = dg.CodeReferencesMetadataValue(code_references=links)
    return metadata


def _link(file: Path, label: str, line: int = 1) -> dg.LocalFileCodeReference:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", dg.BetaWarning)
        return dg.LocalFileCodeReference(file_path=str(file), line_number=line, label=label)


def _sql_file(path: str) -> Path:
    return Path(str(files("sparkify_dagster.model").joinpath("sql", path)))


def _line(file: Path, table: Table) -> int:
    """The line on which a table's declaration begins; the first where it is not found."""
    for number, line in enumerate(file.read_text("utf-8").splitlines(), 1):
        if f'name="{table.name}"' in line:
            return number
    return 1

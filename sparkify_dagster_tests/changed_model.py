"""The model as another version of the code has it, within one process.

What belongs here: changing declared columns and SELECTs for the length of a block, and putting all
of it back. The declarations are shared objects, so whoever reads them sees the change.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from unittest.mock import patch

from sparkify_dagster.lake.snapshot import loaded_columns
from sparkify_dagster.model import catalog, checks, statements
from sparkify_dagster.model.catalog import TABLES
from sparkify_dagster.model.staging import STAGING_EVENTS
from sparkify_dagster.model.table import Column, Physical
from sparkify_dagster.pipeline import copy_load, marts, refresh
from sparkify_dagster.warehouse import ledger, schema, standing

_CACHES = (
    statements.sql_text, statements.placeholders, catalog.model_version, catalog.design_version,
    checks.checks_of,
)  # fmt: skip


@dataclass(frozen=True)
class ModelChange:
    """One difference of the model.

    Attributes:
        column: The column as it is to be; None: it goes.
        name: The column that changes or goes; of a new one its own.
        sql: What stands in the table's SELECT, and what is to stand there.
        first: The column stands before all others.
        physical: How the table is to lie in the cluster; None: as it does.
    """

    table: str
    name: str = ""
    column: Column | None = None
    sql: tuple[str, str] | None = None
    first: bool = False
    physical: Physical | None = None

    def columns(self, columns: tuple[Column, ...]) -> tuple[Column, ...]:
        """The table's columns after it."""
        if not self.name:
            return columns
        kept = [c for c in columns if c.name != self.name]
        if self.column is None:
            return tuple(kept)
        names = [c.name for c in columns]
        at = names.index(self.name) if self.name in names else _first_audit(columns)
        at = 0 if self.first else at
        return (*kept[:at], self.column, *kept[at:])


def _first_audit(columns: tuple[Column, ...]) -> int:
    return next((n for n, c in enumerate(columns) if c.audit), len(columns))


def altered(table: str, name: str, **changes: object) -> ModelChange:
    """A column that is declared otherwise."""
    now = replace(TABLES[table].column(name), **changes)  # type: ignore[arg-type]
    return ModelChange(table, name, now)


@dataclass
class _Texts:
    replaced: Mapping[str, tuple[str, str]] = field(default_factory=dict)

    def __call__(self, path: str, package: str = "model") -> str:
        text = _SQL_TEXT(path, package)
        if path not in self.replaced:
            return text
        old, new = self.replaced[path]
        assert old in text, f"{path} has no {old}"
        return text.replace(old, new, 1)


_SQL_TEXT = statements.sql_text


@contextmanager
def changed_model(*changes: ModelChange, generation: int | None = None) -> Iterator[None]:
    """The model with some changes, as a later version of the code, until the block ends."""
    before = {name: (table.columns, table.physical) for name, table in TABLES.items()}
    sql = {str(TABLES[c.table].sql): c.sql for c in changes if c.sql}
    later = catalog.GENERATION + 1 if generation is None else generation
    texts = _Texts(sql)
    patches = [patch.object(module, "GENERATION", later) for module in (ledger, schema, standing)]
    patches += [
        patch.object(module, "sql_text", texts) for module in (statements, catalog, marts, refresh)
    ]
    try:
        for change in changes:
            table = TABLES[change.table]
            object.__setattr__(table, "columns", change.columns(table.columns))
            object.__setattr__(table, "physical", change.physical or table.physical)
        patches.append(patch.object(copy_load, "_COLUMNS", loaded_columns(STAGING_EVENTS)))
        for each in patches:
            each.start()
        _forget()
        yield
    finally:
        for each in patches:
            each.stop()
        for name, (columns, physical) in before.items():
            object.__setattr__(TABLES[name], "columns", columns)
            object.__setattr__(TABLES[name], "physical", physical)
        _forget()


def _forget() -> None:
    for cached in _CACHES:
        cached.cache_clear()

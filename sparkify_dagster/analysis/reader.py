"""The Python door to a warehouse: questions in SQL, answers as data frames.

What belongs here: what a person calls. It reads only, by the same rules as `sparkify query`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Self

import pyarrow as pa

from sparkify_dagster.analysis.answers import ask, categories, in_memory, on_disk
from sparkify_dagster.factory import open_warehouse
from sparkify_dagster.lineage.graph import above
from sparkify_dagster.lineage.origin import Origin, Ref
from sparkify_dagster.lineage.words import made_of
from sparkify_dagster.model.catalog import TABLES
from sparkify_dagster.model.table import Column, Table
from sparkify_dagster.settings import load_settings
from sparkify_dagster.warehouse.engine import Warehouse, WarehouseError

if TYPE_CHECKING:
    import pandas as pd


class WarehouseReader:
    """A warehouse to be read. Nothing is held open between two questions."""

    def __init__(self, warehouse: Warehouse) -> None:
        self._warehouse = warehouse
        self._is_closed = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._is_closed = True

    def __repr__(self) -> str:
        return f"<sparkify warehouse {self._warehouse.location}, for reading>"

    def frame(
        self,
        sql: str,
        *,
        clear: bool = False,
        index: str | Sequence[str] | None = None,
        **values: object,
    ) -> pd.DataFrame:
        """The answer to one statement that reads, as a data frame.

        Whole numbers are `Int64`, times `datetime64[us, UTC]`, dates `datetime64[us]`, texts `str`,
        and a category where the model lists the values of a column.

        Args:
            sql: The statement; tables go without their schema, "user" needs its quotes.
            clear: Show personal columns as they are; else letters are x and digits 9.
            index: Columns that become the index.
            values: Stand for `$name` in the statement: `since=day` for `$since`.

        Raises:
            WarehouseError: There is no warehouse yet, another process holds it for too long, it
                refuses the statement, or its answer does not fit into a frame.
        """
        from sparkify_dagster.analysis.frames import frame_of

        found = self._asked(sql, clear=clear, kept=in_memory, values=values)
        listed = self._listed(sql, found, clear=clear)
        return frame_of(found, listed, index)

    def frames(
        self,
        sql: str,
        *,
        rows: int = 100_000,
        clear: bool = False,
        index: str | Sequence[str] | None = None,
        **values: object,
    ) -> Iterator[pd.DataFrame]:
        """The same in several frames, for answers that memory does not hold.

        The answer waits in a temporary file: others may write the warehouse meanwhile.

        Args:
            rows: Rows of each frame; the last may have fewer, the only one none.

        Raises:
            WarehouseError: As with `frame`; it is asked at once, not with the first of the frames.
        """
        from sparkify_dagster.analysis.frames import frame_of

        if rows < 1:
            raise WarehouseError(f"rows={rows}: a frame has one row at least.")
        found = self._asked(sql, clear=clear, kept=on_disk, values=values)
        listed = self._listed(sql, found, clear=clear)
        starts = range(0, max(found.num_rows, 1), rows)
        return (frame_of(found.slice(at, rows), listed, index) for at in starts)

    def tables(self) -> pd.DataFrame:
        """Every table of the model: its layer, its meaning, its key and how many columns it has."""
        import pandas as pd

        told = [(t.name, t.layer.value, t.kind, t.meaning, t.key, len(t.columns)) for t in _ALL]
        names = ["table", "layer", "kind", "meaning", "key", "columns"]
        return pd.DataFrame(told, columns=names).set_index("table")

    def describe(self, table: str) -> pd.DataFrame:
        """Each column of a table: type, meaning, key, reference, values, what it is made of.

        Raises:
            WarehouseError: There is no such table.
        """
        import pandas as pd

        if table.strip('"') not in TABLES:
            meant = get_close_matches(table.lower(), list(TABLES), n=1)
            hint = f" Did you mean {meant[0]}?" if meant else ""
            raise WarehouseError(f"no table {table!r}.{hint} There are: {', '.join(TABLES)}.")
        found = TABLES[table.strip('"')]
        told = [_described(found, column) for column in found.columns]
        return pd.DataFrame(told).set_index("column")

    def _asked(
        self, sql: str, *, clear: bool, kept: Callable[..., pa.Table], values: dict[str, object]
    ) -> pa.Table:
        if self._is_closed:
            raise WarehouseError("this warehouse was closed; open it again with connect().")
        return self._warehouse.read_only(lambda s: ask(s, sql, values, clear=clear, kept=kept))

    def _listed(self, sql: str, found: pa.Table, *, clear: bool) -> dict[str, list[str]]:
        return categories(sql, self._warehouse.engine, found, clear=clear)


_ALL = tuple(TABLES.values())


def _described(table: Table, column: Column) -> dict[str, object]:
    to = [f"{r.table}.{r.target}" for r in table.references if r.column == column.name]
    ref = Ref(table.name, column.name)
    return {
        "column": column.name,
        "type": column.sql_type,
        "meaning": column.meaning,
        "required": column.required,
        "key": column.name in table.key,
        "references": ", ".join(to),
        "values": ", ".join(column.accepted),
        "personal": column.personal,
        "made_of": made_of(ref, above().get(ref, Origin())),
    }


def connect(config: str | Path | None = None) -> WarehouseReader:
    """The warehouse of the settings, which are found as the commands find them.

    Raises:
        SettingsError: They are not right.
    """
    return WarehouseReader(open_warehouse(load_settings(Path(config) if config else None)))

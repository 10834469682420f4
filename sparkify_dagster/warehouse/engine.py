"""What an engine must do, and what may go wrong with it.

The protocol is small on purpose: the SQL is the same text everywhere, so an engine only has to
connect, run statements with bound values, take rows in bulk and keep its transactions.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Protocol, TypeVar

import pyarrow as pa

from sparkify_dagster.core.errors import PlainError
from sparkify_dagster.core.meter import Meter
from sparkify_dagster.model.ddl import Engine
from sparkify_dagster.model.table import Table

Result = TypeVar("Result")
Row = tuple[Any, ...]
Values = Mapping[str, object]
NOTHING_TO_ASK = "there is nothing to ask: the statement is blank"


class Rows(list[Row]):
    """The rows of an answer, as Python's own values.

    Attributes:
        names: Those of its columns.
    """

    def __init__(self, names: Sequence[str], rows: Iterable[Row]) -> None:
        super().__init__(rows)
        self.names = list(names)

    def records(self) -> list[dict[str, Any]]:
        """Each row by the names of the columns; decimals as whole numbers or floats."""
        return [dict(zip(self.names, map(_number, row), strict=True)) for row in self]


def _number(value: Any) -> Any:
    """What a sum or a mean is on Redshift, as DuckDB gives it."""
    if not isinstance(value, Decimal):
        return value
    return float(value) if value.as_tuple().exponent else int(value)


class WarehouseError(PlainError):
    """The warehouse cannot do what was asked; says which, why, and the next step.

    Attributes:
        sqlstate: What to tell errors apart by; blank where the engine gave none.
    """

    sqlstate = ""


class WarehouseBusy(WarehouseError):
    """Another process holds the warehouse, and waiting for it took too long."""


class WarehouseMissing(WarehouseError):
    """There is no warehouse yet where the settings point."""


def no_environment(where: str) -> WarehouseMissing:
    """That an environment was never made, or was dropped."""
    return WarehouseMissing(
        f"{where}: there is no such environment. Make it with `sparkify env create NAME`; "
        "`sparkify env list` names those there are."
    )


def anew(environment: str) -> str:
    """The commands that make all tables anew; production's name as environment is blank."""
    if not environment:
        return "`sparkify create-tables --drop` and `sparkify etl`"
    drop, create = (f"`sparkify env {verb} {environment}`" for verb in ("drop", "create"))
    return f"{drop}, {create} and `sparkify etl`"


class Transient(WarehouseError):
    """It failed for reasons that may be gone the next time: all of it can be done again."""


class OutOfMemory(WarehouseError):
    """It took more memory than the engine may have; less at once may do."""


class CopyRefused(WarehouseError):
    """Redshift could not copy the objects as they are; the transaction is lost.

    Attributes:
        of_records: The objects could be read; it is their records that were not accepted.
    """

    def __init__(self, said: str, *, of_records: bool = False) -> None:
        super().__init__(said)
        self.of_records = of_records


@dataclass(slots=True)
class Cost:
    """What work on the warehouse took, as far as the engine tells.

    Attributes:
        query_ids: Redshift's numbers of the COPYs, to find them in its system views.
        copied: Rows that COPY counted.
    """

    query_ids: list[int] = field(default_factory=list)
    copied: int = 0


@dataclass(frozen=True, slots=True)
class TableSize:
    """What a stored table takes, as the engine tells.

    Attributes:
        megabytes: On disk.
        skew: Rows on the fullest slice for each row on the emptiest; None where it is not known.
        unsorted: Share of rows that are not in sort order, in per cent; likewise.
    """

    megabytes: int
    skew: float | None
    unsorted: float | None


@dataclass(frozen=True, slots=True)
class LakeObjects:
    """Objects of a lake that the warehouse can read by itself.

    Attributes:
        uris: Their full URIs.
        packed: They are gzip files.
        fields: The JSON field that feeds each column.
        region: Region of their bucket.
    """

    uris: tuple[str, ...]
    packed: bool
    fields: tuple[str, ...]
    region: str


class Columns(dict[str, str]):
    """The columns of a stored table in their order, each with its type.

    Attributes:
        comments: What is said of each of them, and of the table under a blank name; only what is.
        required: Those that refuse NULL.
        is_view: It is a view: of an environment, on what production has.
    """

    def __init__(self, types: Mapping[str, str] | None = None) -> None:
        super().__init__(types or {})
        self.comments: dict[str, str] = {}
        self.required: set[str] = set()
        self.is_view = False

    def add(
        self, name: str, kind: str, comment: str | None, of_table: str | None, *, required: bool
    ) -> None:
        """Adds a column; says what is said of it and of its table."""
        self[name] = kind
        if required:
            self.required.add(name)
        said = {name: comment, "": of_table}
        self.comments |= {what: text for what, text in said.items() if text}


@dataclass(frozen=True, slots=True)
class Design:
    """How a table lies in a cluster.

    Attributes:
        style: `EVEN`, `ALL`, `KEY` or `AUTO`, whatever that has come to.
        sortkey: Blank names where it is an interleaved one.
        encodings: By column, as in DDL.
    """

    style: str
    distkey: str | None
    sortkey: tuple[str, ...]
    encodings: Mapping[str, str]


def close_all(kept: list[Any]) -> None:
    """Closes connections that were kept for who comes next."""
    while kept:
        kept.pop().close()


class Session(Protocol):
    """An open connection. Values are bound by name: `$name` in the statement.

    Attributes:
        reader: Database role that may read every table; blank when nobody is named.
        environment: The name of the environment it works in; blank: production.
        cost: Adds up what the session's work took.
    """

    schema: str
    engine: Engine
    reader: str
    environment: str
    cost: Cost

    def names(self) -> set[str]:
        """The names of all tables and views that are there, whoever made them."""
        ...

    def has_schema(self) -> bool:
        """Whether the schema is there."""

    def query(self, sql: str, values: Values | None = None) -> Rows:
        """Runs a SELECT and gives its rows."""

    def stream(
        self, sql: str, values: Values | None, take: Callable[[pa.RecordBatchReader], Result]
    ) -> Result:
        """Runs a person's statement, and gives what is made of its rows as they come.

        Args:
            take: Reads the rows; they are gone when it returns.

        Raises:
            WarehouseError: The engine refuses the statement, before or while it gives rows.
        """

    def unload(self, sql: str, take: Callable[[pa.RecordBatchReader], Result]) -> Result:
        """The same of a SELECT of ours that gives very many rows; without rows, without columns.

        Raises:
            LakeError: The files that come in between cannot be read.
        """

    def send(self, sql: str, values: Values | None = None) -> None:
        """Has a statement run before the next one; how many rows it changed is not asked.

        An engine far away is sent several of them at once, with the next one that has an answer.
        """

    def execute(self, sql: str, values: Values | None = None) -> int:
        """Runs a statement and gives the number of rows it changed, -1 where there is none."""

    def append(self, relation: str, columns: Sequence[str], rows: pa.Table) -> None:
        """Adds rows in bulk to a relation named as in SQL. `rows` has its columns in order."""

    def copy(self, relation: str, columns: Sequence[str], objects: LakeObjects) -> int:
        """Lets the engine read objects of the lake by itself; gives the number of rows.

        Raises:
            CopyRefused: A record does not fit, or an object cannot be read.
            WarehouseError: The engine cannot do that.
        """

    def tables(self) -> dict[str, Columns]:
        """The columns of every table that is there right now, by table; one question for all."""

    def designs(self) -> dict[str, Design]:
        """How each table lies in the cluster; none where the engine is no cluster."""

    def declared(self, table: Table) -> dict[str, str]:
        """The columns a table of the model would have here, in the words of `tables`."""


class Warehouse(Protocol):
    """A place to keep the tables.

    Attributes:
        meter: Counts what is sent over a network to work with it.
        production: For an environment, the schema of production as it stands in SQL; else blank.
    """

    engine: Engine
    schema: str
    meter: Meter
    production: str

    @property
    def location(self) -> str:
        """Where it is, as a person would write it; no secrets."""

    def transaction(self) -> AbstractContextManager[Session]:
        """One transaction: committed when the block ends, rolled back when it raises.

        Raises:
            WarehouseError: It cannot be opened, written or committed.
        """

    def transact(
        self,
        work: Callable[[Session], Result],
        was_committed: Callable[[Session, Result], bool] = lambda _session, _result: False,
    ) -> Result:
        """Does work in one transaction, and all of it again where that is how to get it done.

        Redshift refuses one of two transactions that touch the same rows, and connections break;
        neither says anything about the work.

        Args:
            was_committed: Asked in a new transaction when the connection broke after the work was
                done: whether it is there. Work that does no harm twice needs none.

        Raises:
            WarehouseError: It could not be done, or the tries are used up.
        """

    def read_only(self, work: Callable[[Session], Result]) -> Result:
        """Does work that only reads, and again where the connection broke.

        Raises:
            WarehouseMissing: Nothing was ever loaded here.
            WarehouseError: It could not be done, or the tries are used up.
        """

    def alone(self, work: Callable[[Session], Result]) -> Result:
        """Does work in no transaction: each statement is committed by itself.

        Where the connection breaks, all of it is done again.

        Raises:
            WarehouseError: It could not be done, or the tries are used up.
        """

    def sizes(self) -> dict[str, TableSize]:
        """What the tables take, by name; nothing where the engine does not tell."""

    def clean_up(self) -> str:
        """Removes what loads that died left outside the tables; says what could not be removed."""

    def rewrite(self) -> None:
        """Makes the warehouse's own file anew, without the bytes of deleted rows, if it has one."""
        ...

    def reading(self) -> AbstractContextManager[Session]:
        """A short look at what is committed; nothing can be written.

        Raises:
            WarehouseMissing: Nothing was ever loaded here.
            WarehouseError: It cannot be opened.
        """

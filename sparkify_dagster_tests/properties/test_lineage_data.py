"""The lineage held against data: values are changed, and what changes with them is looked at.

The records are few values often repeated, so that there is much to choose between: plays delivered
again, songs staged again, ties. A column has changed when a row of the same key holds another value
in it; where rows come or go, every column has.
"""

from __future__ import annotations

import json
import random
from collections.abc import Iterable, Sequence
from datetime import date, datetime, timedelta
from typing import Any

import duckdb
import pyarrow as pa
import pytest

from sparkify_dagster.lake.reader.reader import Reader
from sparkify_dagster.lineage.graph import LAKE, below, field_of, followed
from sparkify_dagster.lineage.origin import Origin, Ref
from sparkify_dagster.model.catalog import STAGING, TABLES
from sparkify_dagster.model.ddl import column_list, quoted
from sparkify_dagster.model.matching import MATCHING
from sparkify_dagster.model.statements import statement
from sparkify_dagster.model.table import Table

Record = dict[str, Any]
Rows = dict[tuple[Any, ...], tuple[Any, ...]]
NAMES = {name: quoted(name) for name in TABLES}
MADE = sorted((t for t in TABLES.values() if t.sql), key=lambda table: table not in MATCHING)
ALIASES = """
    CREATE TABLE song_aliases AS
    SELECT t.song, a.artist, 'SO' || (LENGTH(t.song) + LENGTH(a.artist)) % 14 AS song_id
    FROM (VALUES ('uprising'), ('Fée'), ('Dog'), ('Uprising')) AS t (song)
    CROSS JOIN (VALUES ('Muse!'), ('Zoë'), ('Abba')) AS a (artist)
"""
DAYS = 3
TOLD_APART = {
    "most_played": ("kind", "title", "artist_name"),
    "unmatched_plays": ("title", "artist_name"),
}
"""By what rows are told apart where the key is a rank, which is just what changes."""
EVENT: dict[str, Sequence[Any]] = {
    "artist": ["Muse", "Abba", "Zoë", "Muse!", None],
    "auth": ["Logged In", "Logged Out"],
    "firstName": ["Ada", "Bob", None],
    "gender": ["F", "M"],
    "itemInSession": range(3),
    "lastName": ["Byron", "Hopper", None],
    "length": [100.0, 200.5, None],
    "level": ["free", "paid"],
    "location": ["Reno, NV", "Oslo", None],
    "method": ["PUT", "GET"],
    "page": ["NextSong"] * 5 + ["Home", "Cancellation Confirmation"],
    "registration": [1.0, 2.0, None],
    "sessionId": range(4),
    "song": ["Uprising", "uprising", "Hysteria", "Dog", "Fée", None],
    "status": [200, 404],
    "ts": [
        1541030400000 + hours * 3_600_000 + more
        for hours in range(0, 72, 6)
        for more in (0, 90_500)
    ],
    "userAgent": ["Mozilla", "Opera", None],
    "userId": ["1", "2", "3", "4", ""],
}
SONG: dict[str, Sequence[Any]] = {
    "num_songs": [1, 2],
    "artist_id": ["AR1", "AR2", "AR3", "AR4", "AR5"],
    "artist_latitude": [1.5, 2.5, None],
    "artist_longitude": [3.5, 4.5, None],
    "artist_location": ["", "Reno", "Oslo", None],
    "artist_name": ["Muse", "Abba", " Muse", "Zoë", None],
    "song_id": [f"SO{number}" for number in range(14)],
    "title": ["Uprising", "Hysteria", "Fée", "Dog"],
    "duration": [100.0, 200.5, 230.0],
    "year": [0, 1999, 2009, None],
}
VALUES = {"log_data": EVENT, "song_data": SONG}
PLACES = {LAKE[table.name]: table for table in STAGING}


def records(place: str, dice: random.Random) -> list[Record]:
    """Invented records of a place in the lake."""
    return [
        {name: dice.choice(values) for name, values in VALUES[place].items()}
        for _ in range(220 if place == "log_data" else 30)
    ]


def others(place: str, field: str, old: list[Record], dice: random.Random) -> list[Record]:
    """The records with another value, or none, in that field of some."""
    values = VALUES[place][field]
    return [
        record | {field: dice.choice([value for value in values if value != record[field]])}
        if dice.random() < 0.2
        else record
        for record in old
    ]


def staged(table: Table, variants: Sequence[list[Record]]) -> list[pa.Table]:
    """The staging rows of each variant of the records, all read by our reader at one go.

    The records of a variant stand in turn in the objects of three log days.
    """
    fields = {c.name: f.column for c in table.columns if (f := field_of(table, c))}
    reader = Reader([table.column(name) for name in fields], list(fields.values()), threads=1)
    objects = [variant[part::DAYS] for variant in variants for part in range(DAYS)]
    batch = reader.read_lines(
        ["".join(json.dumps(record) + "\n" for record in part).encode() for part in objects]
    )
    reader.close()
    assert batch.rejects == []
    audit = {
        "log_date": f"DATE '2018-11-01' + object % {DAYS}",
        "object": f"CAST(object % {DAYS} AS VARCHAR)",
        "line": "line",
        "load_id": "7",
    }
    taken = [audit.get(name, quoted(name)) for name in table.column_names]
    select = ", ".join(
        f"{x} AS {quoted(n)}" for x, n in zip(taken, table.column_names, strict=True)
    )
    with duckdb.connect() as connection:
        connection.register("batch", batch.rows)
        return [
            connection.sql(
                f"SELECT {select} FROM batch WHERE object // {DAYS} = {number}"
            ).to_arrow_table()
            for number in range(len(variants))
        ]


def as_staged(place: str, dice: random.Random) -> dict[str, pa.Table]:
    """The staging table of a place in the lake, with invented records."""
    (rows,) = staged(PLACES[place], [records(place, dice)])
    return {PLACES[place].name: rows}


class House:
    """All tables, made by their statements from staged rows.

    Attributes:
        held: What each table holds, by key, as it was first made.
    """

    def __init__(self, staging: dict[str, pa.Table]) -> None:
        self._connection = duckdb.connect(config={"threads": 1})
        for setting in (
            "TimeZone = 'UTC'",
            "integer_division = true",
            "default_null_order = 'nulls_last_on_asc_first_on_desc'",
        ):
            self._connection.execute(f"SET {setting}")
        self._connection.execute(ALIASES)
        self.held: dict[str, Rows] = {}
        self.held = self.remade(staging)

    def remade(self, staging: dict[str, pa.Table]) -> dict[str, Rows]:
        """What the tables hold that hang on these, when they are replaced."""
        dirty = set(staging)
        for name, rows in staging.items():
            self._connection.register("rows", rows)
            self._connection.execute(f"CREATE OR REPLACE TABLE {quoted(name)} AS FROM rows")
        for table in MADE:
            if table.sql and dirty.intersection(table.reads):
                dirty.add(table.name)
                select = statement(table.sql, NAMES)
                self._connection.execute(
                    f"CREATE OR REPLACE TABLE {quoted(table.name)} AS {select}"
                )
        return {name: self._rows(TABLES[name], quoted(name)) for name in dirty}

    def with_other(self, source: str, rows: pa.Table) -> dict[str, Rows]:
        """What the tables would hold that read a table, if that held these rows."""
        self._connection.register("other", rows)
        names = NAMES | {source: "other"}
        return {
            table.name: self._rows(table, f"({statement(table.sql, names)})")
            for table in MADE
            if table.sql and source in table.reads
        }

    def table(self, name: str) -> pa.Table:
        """All rows of a table."""
        return self._connection.sql(f"FROM {quoted(name)}").to_arrow_table()

    def _rows(self, table: Table, relation: str) -> Rows:
        told_apart = TOLD_APART.get(table.name, table.key)
        key = [table.column_names.index(name) for name in told_apart]
        rows = self._connection.execute(
            f"SELECT {column_list(table.column_names)} FROM {relation}"
        ).fetchall()
        return {tuple(row[at] for at in key): row for row in rows}

    def changed(self, now: dict[str, Rows]) -> set[Ref]:
        """The columns that differ from what was held at first."""
        return {ref for name, rows in now.items() for ref in _changed(name, self.held[name], rows)}


def _changed(name: str, before: Rows, after: Rows) -> Iterable[Ref]:
    for number, column in enumerate(TABLES[name].column_names):
        if before.keys() != after.keys() or any(
            row[number] != after[key][number] for key, row in before.items()
        ):
            yield Ref(name, column)


@pytest.mark.parametrize("place", PLACES)
def test_a_field_of_the_lake_changes_only_what_the_lineage_names(place: str) -> None:
    dice, table = random.Random(11), PLACES[place]
    records_here = records(place, dice)
    (other,) = PLACES.keys() - {place}
    first, *changed = staged(
        table, [records_here, *(others(place, name, records_here, dice) for name in VALUES[place])]
    )
    house = House({table.name: first} | as_staged(other, dice))
    for name, rows in zip(VALUES[place], changed, strict=True):
        field = Ref(place, name)
        found = house.changed(house.remade({table.name: rows}))
        assert found <= followed(field, below()).all, field
        assert {ref for ref in found if ref.table == table.name} == below()[field].values


@pytest.fixture(scope="module")
def house() -> House:
    dice = random.Random(5)
    return House(as_staged("log_data", dice) | as_staged("song_data", dice))


SOURCES = sorted({source for table in MADE for source in table.reads})


@pytest.mark.parametrize("source", SOURCES)
def test_each_value_is_seen_to_come_from_where_the_lineage_says(house: House, source: str) -> None:
    dice, rows = random.Random(3), house.table(source)
    for column in TABLES[source].columns:
        named = below().get(Ref(source, column.name), Origin())
        unseen = named.values
        for how in ("new", "mixed", "gone", "new", "mixed"):
            if how == "gone" and column.required:
                continue
            other = shaken(rows, column.name, how, dice)
            found = house.changed(house.with_other(source, other))
            assert found <= named.all, (column.name, how)
            unseen -= found
            if not unseen:
                break
        assert not unseen, column.name


def shaken(rows: pa.Table, column: str, how: str, dice: random.Random) -> pa.Table:
    """The rows with other values of a column in half of them.

    Args:
        how: `new`: such as were not there; `mixed`: those of other rows; `gone`: none.
    """
    number = rows.schema.get_field_index(column)
    values = rows.column(number).to_pylist()
    some = dice.sample(range(len(values)), max(2, len(values) // 2))
    if how == "mixed":
        other = [values[at] for at in dice.sample(some, len(some))]
    else:
        other = [_new(values[at]) if how == "new" else None for at in some]
    for at, value in zip(some, other, strict=True):
        values[at] = value
    field = rows.schema.field(number)
    return rows.set_column(number, field, pa.array(values, field.type))


def _new(value: Any) -> Any:
    """A value that is not among those above."""
    if isinstance(value, datetime):
        return value + timedelta(days=400, hours=7)
    if isinstance(value, date):
        return value + timedelta(days=400)
    return value + "z" if isinstance(value, str) else None if value is None else value + 1000

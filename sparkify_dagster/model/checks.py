"""The checks that guard the tables, made from the model.

A check is a question in SQL whose answer is one row: how many offenders there are, and the two
numbers that were compared where there are two. The same text runs before a load is committed, on
the rows it touched, and alone, on all that is stored.

What belongs here: which checks a table has and their SQL. What does not: running them
(`warehouse.audit`) and showing them in Dagster (`checks`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Protocol

from sparkify_dagster.model.catalog import STAGING, TABLES
from sparkify_dagster.model.ddl import column_list, exact, quoted
from sparkify_dagster.model.staging import STAGING_SONGS
from sparkify_dagster.model.star import SONGPLAY, STAR
from sparkify_dagster.model.table import Column, Reference, Table, Type


class Rows(Protocol):
    """Where a check reads: gives the relation that stands for a table's name in its SQL."""

    def touched(self, table: str) -> str:
        """The rows the load touched; all rows when what is stored is checked."""

    def whole(self, table: str) -> str:
        """All rows of the table."""


NO_FAILED_LOADS = "no_failed_loads"


@dataclass(frozen=True, slots=True)
class Check:
    """One claim about one table.

    Attributes:
        claim: What holds when the check passes, as a sentence.
        remedy: What to do when it does not.
        blocking: Rows that break it are not published.
        warning: Breaking it is worth a look, no error.
        question: SELECT giving `offenders` (0 when all is well), then numbers worth showing, each
            under its own column name.
        sample: SELECT giving a few offending keys, or None.
    """

    table: str
    name: str
    claim: str
    remedy: str
    blocking: bool
    warning: bool
    question: Callable[[Rows], str]
    sample: Callable[[Rows], str] | None = None


@cache
def checks_of(name: str) -> tuple[Check, ...]:
    """All checks of a staging or star table, blocking ones first."""
    table = TABLES[name]
    made = [_not_empty(table), _unique_key(table), _required(table)]
    if table in STAGING:
        made += [_reconciled(table), _no_failed_loads(table), _rejects(table)]
        made += [_unknown_fields(table)]
    if table in STAR:
        made += [_row_count(table)]
    made += [_reference(table, reference) for reference in table.references]
    made += [_accepted(table, column) for column in table.columns if column.accepted]
    if table is SONGPLAY:
        made.append(_match_rate())
    return tuple(sorted(made, key=lambda check: not check.blocking))


def audits_of(name: str) -> tuple[Check, ...]:
    """The checks a load asks before it commits: all but the one about loads themselves."""
    return tuple(check for check in checks_of(name) if check.name != NO_FAILED_LOADS)


def all_checks() -> tuple[Check, ...]:
    """The checks of every staging and star table."""
    return tuple(check for table in (*STAGING, *STAR) for check in checks_of(table.name))


def _unique_key(table: Table) -> Check:
    keys = column_list(table.key, "r")
    compared = _compared(table, "r")
    known = " AND ".join(f"r.{quoted(k)} IS NOT NULL" for k in table.key)

    def doubles(rows: Rows) -> str:
        return (
            f"SELECT {keys}, COUNT(*) AS copies FROM {rows.touched(table.name)} AS r "
            f"WHERE {known} GROUP BY {keys}{compared} HAVING COUNT(*) > 1"
        )

    return Check(
        table.name,
        "unique_key",
        f"No two rows of {table.name} have the same {_and(table.key)}.",
        "Rebuild the table with `sparkify etl --full`; if it stays, its SQL is wrong.",
        blocking=True,
        warning=False,
        question=lambda rows: f"SELECT COUNT(*) AS offenders FROM ({doubles(rows)}) AS d",
        sample=lambda rows: f"{doubles(rows)} ORDER BY {keys} LIMIT 5",
    )


def _compared(table: Table, alias: str) -> str:
    """What a key is grouped by besides its columns, so that trailing blanks count on Redshift.

    The key of a staging table is an object's, which ends in no blank.
    """
    texts = [k for k in table.key if table.column(k).type is Type.VARCHAR and table in STAR]
    return "".join(f", {exact(table, key, alias)}" for key in texts)


def _required(table: Table) -> Check:
    missing = " OR ".join(f"r.{quoted(c)} IS NULL" for c in table.required)
    keys = column_list(table.key, "r")
    return Check(
        table.name,
        "required_columns",
        f"Every row of {table.name} has {_and(table.required)}.",
        "Look at the rows named; mend the objects they come from, or the table's SQL.",
        blocking=True,
        warning=False,
        question=lambda rows: (
            f"SELECT COUNT(*) AS offenders FROM {rows.touched(table.name)} AS r WHERE {missing}"
        ),
        sample=lambda rows: (
            f"SELECT {keys} FROM {rows.touched(table.name)} AS r WHERE {missing} "
            f"ORDER BY {keys} LIMIT 5"
        ),
    )


def _row_count(table: Table) -> Check:
    grain = table.grain
    assert grain is not None, f"{table.name}: a star table has a grain"
    keys = ", ".join(f"{exact(table, key, 's')} AS {quoted(key)}" for key in table.key)

    def question(rows: Rows) -> str:
        return (
            "SELECT ABS(t.row_count - x.expected) AS offenders, t.row_count, x.expected FROM "
            f"(SELECT COUNT(*) AS row_count FROM {rows.touched(table.name)} AS r) AS t CROSS JOIN "
            f"(SELECT COUNT(*) AS expected FROM (SELECT DISTINCT {keys} "
            f"FROM {rows.touched(grain.source)} AS s WHERE {grain.where}) AS k) AS x"
        )

    return Check(
        table.name,
        "row_count",
        f"{table.name} has one row for each distinct {_and(table.key)} in {grain.source}.",
        "Rebuild the star with `sparkify etl --full`; if it stays, the table's SQL is wrong.",
        blocking=True,
        warning=False,
        question=question,
    )


def _not_empty(table: Table) -> Check:
    if table.grain is None:
        target = (
            f"SELECT SUM(o.row_count) FROM {{load_objects}} AS o WHERE o.target = '{table.name}'"
        )

        def source(rows: Rows) -> str:
            return target.format(load_objects=rows.touched("load_objects"))
    else:
        grain = table.grain

        def source(rows: Rows) -> str:
            return f"SELECT COUNT(*) FROM {rows.touched(grain.source)} AS s WHERE {grain.where}"

    return Check(
        table.name,
        "not_empty",
        f"{table.name} has rows whenever its source has.",
        "Run `sparkify etl --full`.",
        blocking=True,
        warning=False,
        question=lambda rows: (
            "SELECT CASE WHEN t.row_count = 0 AND COALESCE(x.source_rows, 0) > 0 THEN 1 ELSE 0 END "
            "AS offenders, t.row_count, COALESCE(x.source_rows, 0) AS source_rows FROM "
            f"(SELECT COUNT(*) AS row_count FROM {rows.touched(table.name)} AS r) AS t CROSS JOIN "
            f"(SELECT ({source(rows)}) AS source_rows) AS x"
        ),
    )


def _reference(table: Table, reference: Reference) -> Check:
    column, target = quoted(reference.column), quoted(reference.target)
    same = f"{exact(TABLES[reference.table], reference.target, 'p')} = "
    same += exact(table, reference.column, "r")

    def orphans(rows: Rows, select: str) -> str:
        return (
            f"SELECT {select} FROM {rows.touched(table.name)} AS r "
            f"LEFT JOIN {rows.whole(reference.table)} AS p ON {same} "
            f"WHERE r.{column} IS NOT NULL AND p.{target} IS NULL"
        )

    return Check(
        table.name,
        f"{reference.column}_in_{reference.table}",
        f"Every {reference.column} in {table.name} stands in {reference.table}.",
        "Rebuild the star with `sparkify etl --full`; if it stays, the SQL of the two disagrees.",
        blocking=True,
        warning=False,
        question=lambda rows: orphans(rows, "COUNT(*) AS offenders"),
        sample=lambda rows: orphans(rows, f"DISTINCT r.{column}") + f" ORDER BY r.{column} LIMIT 5",
    )


def _reconciled(table: Table) -> Check:
    def differing(rows: Rows, select: str) -> str:
        return (
            f"SELECT {select} FROM ({_origins(table, rows)}) AS o "
            f"LEFT JOIN (SELECT {_origin(table)} AS origin, COUNT(*) AS staged "
            f"FROM {rows.touched(table.name)} AS r GROUP BY {_origin(table)}) AS s "
            "ON s.origin = o.origin "
            "LEFT JOIN (SELECT j.object, COUNT(*) AS rejected "
            f"FROM {rows.touched('load_rejects')} AS j "
            f"WHERE j.target_table = '{table.name}' AND j.published GROUP BY j.object) AS x "
            "ON x.object = o.origin"
        )

    wrong = "COALESCE(s.staged, 0) + COALESCE(x.rejected, 0) <> o.records"
    return Check(
        table.name,
        "records_reconciled",
        "Rows staged and rows rejected together are the records of each object.",
        "Load the objects named again: `sparkify etl --full`; tell us if it stays.",
        blocking=True,
        warning=False,
        question=lambda rows: differing(
            rows,
            f"COALESCE(SUM(CASE WHEN {wrong} THEN 1 ELSE 0 END), 0) AS offenders, "
            "COALESCE(SUM(o.records), 0) AS records, COALESCE(SUM(s.staged), 0) AS staged, "
            "COALESCE(SUM(x.rejected), 0) AS rejected",
        ),
        sample=lambda rows: (
            differing(rows, "o.origin AS object") + f" WHERE {wrong} ORDER BY o.origin LIMIT 5"
        ),
    )


def _origin(table: Table) -> str:
    """What a staged row came from: its object, or its day where Redshift read several at once."""
    if table is STAGING_SONGS:
        return "r.object"
    return "COALESCE(r.object, CAST(r.log_date AS VARCHAR(10)))"


def _origins(table: Table, rows: Rows) -> str:
    """The records of each origin, by the ledger."""
    objects = rows.touched("load_objects")
    traced = (
        f"SELECT o.object AS origin, o.records FROM {objects} AS o "
        f"WHERE o.target = '{table.name}' AND o.records IS NOT NULL"
    )
    if table is STAGING_SONGS:
        return traced
    return (
        f"{traced} UNION ALL {_latest_loads(table, rows, 'h.part AS origin, h.records')} "
        f"AND h.part IN (SELECT u.part FROM {objects} AS u "
        f"WHERE u.target = '{table.name}' AND u.records IS NULL)"
    )


def _latest_loads(table: Table, rows: Rows, select: str) -> str:
    """The history row (alias `h`) with which each part of a table was last published."""
    history = rows.touched("load_history")
    return (
        f"SELECT {select} FROM {history} AS h JOIN (SELECT l.target, l.part, "
        f"MAX(l.load_id) AS load_id FROM {history} AS l WHERE l.status = 'published' "
        "GROUP BY l.target, l.part) AS n "
        "ON n.target = h.target AND n.part = h.part AND n.load_id = h.load_id "
        f"WHERE h.target = '{table.name}' AND h.status = 'published'"
    )


def _no_failed_loads(table: Table) -> Check:
    def failed(rows: Rows, select: str) -> str:
        history = rows.whole("load_history")
        return (
            f"SELECT {select} FROM (SELECT h.part, "
            "MAX(CASE WHEN h.status = 'failed' THEN h.load_id ELSE 0 END) AS failed, "
            "MAX(CASE WHEN h.status = 'published' THEN h.load_id ELSE 0 END) AS published "
            f"FROM {history} AS h WHERE h.target = '{table.name}' GROUP BY h.part) AS p "
            "WHERE p.failed > p.published"
        )

    return Check(
        table.name,
        NO_FAILED_LOADS,
        f"The last load of every part of {table.name} succeeded.",
        "`sparkify status` says why it failed; mend the objects and load again.",
        blocking=False,
        warning=False,
        question=lambda rows: failed(rows, "COUNT(*) AS offenders"),
        sample=lambda rows: failed(rows, "p.part") + " ORDER BY p.part LIMIT 5",
    )


def _rejects(table: Table) -> Check:
    return Check(
        table.name,
        "no_rejects",
        f"Every record meant for {table.name} could be read.",
        "See them with `sparkify rejects`; mend the objects, and they load by themselves.",
        blocking=False,
        warning=True,
        question=lambda rows: (
            "SELECT COALESCE(SUM(o.rejects), 0) AS offenders, "
            "COALESCE(SUM(o.records), 0) AS records "
            f"FROM {rows.touched('load_objects')} AS o WHERE o.target = '{table.name}'"
        ),
        sample=lambda rows: (
            "SELECT j.reason, COUNT(*) AS records "
            f"FROM {rows.touched('load_rejects')} AS j WHERE j.target_table = '{table.name}' "
            "AND j.published GROUP BY j.reason ORDER BY COUNT(*) DESC, j.reason LIMIT 5"
        ),
    )


def _unknown_fields(table: Table) -> Check:
    def latest(rows: Rows, select: str) -> str:
        return f"{_latest_loads(table, rows, select)} AND h.unknown_fields IS NOT NULL"

    return Check(
        table.name,
        "no_unknown_fields",
        f"The records for {table.name} have no field that no column takes.",
        "A field was added at the source: decide whether it deserves a column.",
        blocking=False,
        warning=True,
        question=lambda rows: latest(rows, "COUNT(*) AS offenders"),
        sample=lambda rows: (
            latest(rows, "h.part, SUBSTRING(h.unknown_fields, 1, 100) AS unknown_fields")
            + " ORDER BY h.part LIMIT 5"
        ),
    )


def _accepted(table: Table, column: Column) -> Check:
    values = ", ".join(f"'{value}'" for value in column.accepted)
    strange = f"r.{quoted(column.name)} NOT IN ({values})"
    return Check(
        table.name,
        f"{column.name}_accepted",
        f"{column.name} in {table.name} is {_or(column.accepted)}, or unknown.",
        "A value nobody expected: find out at the source what it means.",
        blocking=False,
        warning=True,
        question=lambda rows: (
            f"SELECT COUNT(*) AS offenders FROM {rows.touched(table.name)} AS r WHERE {strange}"
        ),
    )


def _match_rate() -> Check:
    return Check(
        SONGPLAY.name,
        "match_rate",
        "Some plays find their song in the catalogue, if there are plays and songs.",
        "Is SONG_DATA the catalogue of these logs? Compare titles and artist names.",
        blocking=False,
        warning=True,
        question=lambda rows: (
            "SELECT CASE WHEN t.plays > 0 AND t.matched = 0 AND c.songs > 0 THEN 1 ELSE 0 END "
            "AS offenders, t.plays, t.matched FROM (SELECT COUNT(*) AS plays, "
            f"COUNT(r.song_id) AS matched FROM {rows.whole(SONGPLAY.name)} AS r) AS t CROSS JOIN "
            f"(SELECT COUNT(*) AS songs FROM {rows.whole(STAGING_SONGS.name)} AS s) AS c"
        ),
    )


def _and(names: tuple[str, ...]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def _or(values: tuple[str, ...]) -> str:
    return values[0] if len(values) == 1 else f"{', '.join(values[:-1])} or {values[-1]}"

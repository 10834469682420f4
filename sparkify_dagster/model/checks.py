"""The checks that guard the tables, made from the model.

A check is a question in SQL whose answer is one row: how many offenders there are, and the numbers
that were compared. The same text runs before a load is committed, on the rows it touched, and
alone, on all that is stored. One check has no SQL, as engines describe tables each in their own
way: whether a table's columns are the model's.

What belongs here: which checks a table has and their SQL. What does not: running them
(`pipeline.audit`) and showing them in Dagster (`checks`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Protocol

from sparkify_dagster.core.text import count
from sparkify_dagster.model.catalog import STAGING, TABLES
from sparkify_dagster.model.ddl import column_list, exact, quoted
from sparkify_dagster.model.marts import MARTS
from sparkify_dagster.model.staging import STAGING_EVENTS, STAGING_SONGS
from sparkify_dagster.model.star import SONGPLAY, STAR
from sparkify_dagster.model.table import Column, Layer, Reference, Table, Total, Type


class Rows(Protocol):
    """Where a check reads: gives the relation that stands for a table's name in its SQL."""

    def touched(self, table: str) -> str:
        """The rows the load touched; all rows when what is stored is checked."""

    def whole(self, table: str) -> str:
        """All rows of the table."""


Numbers = Mapping[str, int]
"""What a check counted and compared, by the names of its question's columns."""
NO_FAILED_LOADS = "no_failed_loads"
SCHEMA_MATCHES = "schema_matches_model"
_ALONE = (NO_FAILED_LOADS, SCHEMA_MATCHES)
"""Checks that no load asks before it commits: one looks at loads themselves, the other has been
answered when a load begins, which refuses a table that differs."""


@dataclass(frozen=True, slots=True)
class Check:
    """One claim about one table.

    Attributes:
        claim: What holds when the check passes, as a sentence.
        remedy: What to do when it does not.
        blocking: Rows that break it are not published.
        warning: Breaking it is worth a look, no error.
        question: SELECT giving `offenders` (0 when all is well), then the numbers that were
            compared, each under its own column name. None: asked of the engine's catalogue of
            tables, not of rows.
        compared: These numbers in words, each in braces under its column's name.
        failure: Gives what is the case when the check fails, as a sentence with these numbers.
        sample: SELECT giving a few offending keys, or None.
    """

    table: str
    name: str
    claim: str
    remedy: str
    blocking: bool
    warning: bool
    question: Callable[[Rows], str] | None
    compared: str
    failure: Callable[[Numbers], str]
    sample: Callable[[Rows], str] | None = None


@cache
def checks_of(name: str) -> tuple[Check, ...]:
    """All checks of a staging or star table or of a mart, blocking ones first."""
    table = TABLES[name]
    if table.layer is Layer.MART:
        return _checks_of_mart(table)
    made = [_not_empty(table), _required(table)]
    if table in STAGING:
        made += [_reconciled(table), _no_failed_loads(table), _rejects(table)]
        made += [_unknown_fields(table)]
    else:
        made.insert(1, _unique_key(table))
    if table is STAGING_EVENTS:
        made.append(_times())
    if table in STAR:
        made += [_row_count(table)]
    made += [_reference(table, reference) for reference in table.references]
    made += [_accepted(table, column) for column in table.columns if column.accepted]
    if table is SONGPLAY:
        made.append(_match_rate())
    made.append(_schema(table))
    return tuple(sorted(made, key=lambda check: not check.blocking))


def _checks_of_mart(table: Table) -> tuple[Check, ...]:
    """Few: a mart is made of tables whose rows have been checked, by SQL that no lake changes."""
    total = [_adds_up(table, table.total)] if table.total else []
    return (_unique_key(table), _required(table), *total, _schema(table))


def audits_of(name: str) -> tuple[Check, ...]:
    """The checks a load asks before it commits."""
    return tuple(check for check in checks_of(name) if check.name not in _ALONE)


def all_checks() -> tuple[Check, ...]:
    """The checks of every staging and star table and of every mart."""
    return tuple(check for table in (*STAGING, *STAR, *MARTS) for check in checks_of(table.name))


def _unique_key(table: Table) -> Check:
    keys = column_list(table.key, "r")
    compared = _compared(table, "r")
    known = " AND ".join(f"r.{quoted(k)} IS NOT NULL" for k in table.key)
    named = _and(table.key)

    def copies(rows: Rows) -> str:
        return (
            f"SELECT {keys}, COUNT(*) AS copies FROM {rows.touched(table.name)} AS r "
            f"WHERE {known} GROUP BY {keys}{compared}"
        )

    return Check(
        table.name,
        "unique_key",
        f"No two rows of {table.name} have the same {_and(table.key)}.",
        "Rebuild the table with `sparkify etl --full`; if it stays, its SQL is wrong.",
        blocking=True,
        warning=False,
        question=lambda rows: (
            "SELECT COALESCE(SUM(CASE WHEN c.copies > 1 THEN 1 ELSE 0 END), 0) AS offenders, "
            f"COALESCE(SUM(c.copies), 0) AS row_count FROM ({copies(rows)}) AS c"
        ),
        compared="rows compared: {row_count}",
        failure=lambda n: (
            f"{count(n['offenders'], f'value of {named} stands', f'values of {named} stand')} in "
            f"more than one of {n['row_count']:,} rows of {table.name}."
        ),
        sample=lambda rows: f"{copies(rows)} HAVING COUNT(*) > 1 ORDER BY {keys} LIMIT 5",
    )


def _compared(table: Table, alias: str) -> str:
    """What a key is grouped by besides its columns, so that trailing blanks count on Redshift."""
    texts = [key for key in table.key if table.column(key).type is Type.VARCHAR]
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
        question=lambda rows: _counted(table, rows, missing),
        compared=_LOOKED_AT,
        failure=lambda n: (
            f"{_share(n, 'row_count')} rows of {table.name} {_does(n, 'lacks', 'lack')} "
            f"{_or(table.required)}."
        ),
        sample=lambda rows: (
            f"SELECT {keys} FROM {rows.touched(table.name)} AS r WHERE {missing} "
            f"ORDER BY {keys} LIMIT 5"
        ),
    )


_LOOKED_AT = "rows looked at: {row_count}"


def _counted(table: Table, rows: Rows, wrong: str) -> str:
    """SELECT that counts the rows (alias `r`) that meet a condition, and all rows."""
    return (
        f"SELECT COALESCE(SUM(CASE WHEN {wrong} THEN 1 ELSE 0 END), 0) AS offenders, "
        f"COUNT(*) AS row_count FROM {rows.touched(table.name)} AS r"
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
        compared="rows: {row_count}, expected: {expected}",
        failure=lambda n: (
            f"{table.name} has {count(n['row_count'], 'row', 'rows')}, and {grain.source} has "
            f"{n['expected']:,} distinct {_and(table.key)}."
        ),
    )


def _adds_up(table: Table, total: Total) -> Check:
    return Check(
        table.name,
        "adds_up",
        f"{total.column} of {table.name} add up to {total.meaning}.",
        "Build it anew with `sparkify etl --full`; if it stays, the table's SQL is wrong.",
        blocking=True,
        warning=False,
        question=lambda rows: (
            "SELECT ABS(t.total - x.expected) AS offenders, t.total, x.expected FROM "
            f"(SELECT COALESCE(SUM(r.{quoted(total.column)}), 0) AS total "
            f"FROM {rows.whole(table.name)} AS r) AS t CROSS JOIN "
            f"(SELECT {total.expected} AS expected FROM {rows.whole(total.table)} AS s) AS x"
        ),
        compared="total: {total}, expected: {expected}",
        failure=lambda n: (
            f"{total.column} of {table.name} add up to {n['total']:,}, and {total.meaning} are "
            f"{n['expected']:,}."
        ),
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
        compared="rows: {row_count}, in the source: {source_rows}",
        failure=lambda n: (
            f"{table.name} is empty, and its source has {count(n['source_rows'], 'row', 'rows')}."
        ),
    )


def _reference(table: Table, reference: Reference) -> Check:
    column, target = quoted(reference.column), quoted(reference.target)
    same = f"{exact(TABLES[reference.table], reference.target, 'p')} = "
    same += exact(table, reference.column, "r")

    def looked_up(rows: Rows, select: str) -> str:
        return (
            f"{select} FROM {rows.touched(table.name)} AS r "
            f"LEFT JOIN {rows.whole(reference.table)} AS p ON {same} "
            f"WHERE r.{column} IS NOT NULL"
        )

    return Check(
        table.name,
        f"{reference.column}_in_{reference.table}",
        f"Every {reference.column} in {table.name} stands in {reference.table}.",
        "Rebuild the star with `sparkify etl --full`; if it stays, the SQL of the two disagrees.",
        blocking=True,
        warning=False,
        question=lambda rows: looked_up(
            rows,
            f"SELECT COALESCE(SUM(CASE WHEN p.{target} IS NULL THEN 1 ELSE 0 END), 0) "
            "AS offenders, COUNT(*) AS looked_up",
        ),
        compared="values looked up: {looked_up}",
        failure=lambda n: (
            f"{_share(n, 'looked_up')} values of {reference.column} in {table.name} "
            f"{_does(n, 'is', 'are')} not in {reference.table}."
        ),
        sample=lambda rows: (
            looked_up(rows, f"SELECT DISTINCT r.{column}")
            + f" AND p.{target} IS NULL ORDER BY r.{column} LIMIT 5"
        ),
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
        compared="records: {records}, staged: {staged}, rejected: {rejected}",
        failure=lambda n: (
            f"Of {count(n['records'], 'record', 'records')} {n['staged']:,} were staged and "
            f"{n['rejected']:,} rejected, and in {count(n['offenders'], 'object', 'objects')} "
            "that does not add up."
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
    wrong = "p.failed > p.published"

    def latest(rows: Rows, select: str) -> str:
        history = rows.whole("load_history")
        return (
            f"SELECT {select} FROM (SELECT h.part, "
            "MAX(CASE WHEN h.status = 'failed' THEN h.load_id ELSE 0 END) AS failed, "
            "MAX(CASE WHEN h.status = 'published' THEN h.load_id ELSE 0 END) AS published "
            f"FROM {history} AS h WHERE h.target = '{table.name}' GROUP BY h.part) AS p"
        )

    return Check(
        table.name,
        NO_FAILED_LOADS,
        f"The last load of every part of {table.name} succeeded.",
        "`sparkify status` says why it failed; mend the objects and load again.",
        blocking=False,
        warning=False,
        question=lambda rows: latest(
            rows,
            f"COALESCE(SUM(CASE WHEN {wrong} THEN 1 ELSE 0 END), 0) AS offenders, "
            "COUNT(*) AS parts",
        ),
        compared="{offenders} of {parts} failed",
        failure=lambda n: f"{_share(n, 'parts')} parts of {table.name} did not load the last time.",
        sample=lambda rows: latest(rows, "p.part") + f" WHERE {wrong} ORDER BY p.part LIMIT 5",
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
        compared="{offenders} of {records} rejected",
        failure=lambda n: (
            f"{_share(n, 'records')} records for {table.name} {_does(n, 'was', 'were')} rejected."
        ),
        sample=lambda rows: (
            "SELECT j.reason, COUNT(*) AS records "
            f"FROM {rows.touched('load_rejects')} AS j WHERE j.target_table = '{table.name}' "
            "AND j.published GROUP BY j.reason ORDER BY COUNT(*) DESC, j.reason LIMIT 5"
        ),
    )


def _unknown_fields(table: Table) -> Check:
    parts = f"loads of {table.name}" if table is STAGING_SONGS else "days"

    def names(rows: Rows) -> str:
        # The fields that a part has most often: they stand first, each name between two quotes.
        return " UNION ALL ".join(
            _latest_loads(
                table,
                rows,
                f"SUBSTRING(SPLIT_PART(h.unknown_fields, '\"', {place}), 1, 100) AS field",
            )
            for place in (2, 4, 6)
        )

    return Check(
        table.name,
        "no_unknown_fields",
        f"Every field of the records for {table.name} has a column.",
        "A field was added at the source: decide whether it deserves a column.",
        blocking=False,
        warning=True,
        question=lambda rows: _latest_loads(
            table, rows, "COUNT(h.unknown_fields) AS offenders, COUNT(*) AS parts"
        ),
        compared="{offenders} of {parts} loads have others",
        failure=lambda n: (
            f"{_share(n, 'parts')} {parts} {_does(n, 'carries', 'carry')} a field no column takes."
        ),
        sample=lambda rows: (
            f"SELECT f.field FROM ({names(rows)}) AS f WHERE f.field <> '' "
            "GROUP BY f.field ORDER BY COUNT(*) DESC, f.field LIMIT 5"
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
        question=lambda rows: _counted(table, rows, strange),
        compared=_LOOKED_AT,
        failure=lambda n: (
            f"{_share(n, 'row_count')} rows of {table.name} {_does(n, 'has', 'have')} another "
            f"{column.name} than {_or(column.accepted)}."
        ),
    )


def _times() -> Check:
    far = "ABS(CAST(r.ts AS DATE) - r.log_date) > 1"
    name = STAGING_EVENTS.name
    return Check(
        name,
        "times_near_log_day",
        f"No event of {name} lies more than a day off its log day.",
        "Is `ts` in seconds, not in milliseconds, or was a clock wrong at the source? Mend the "
        "objects, and they load by themselves; till then their plays stand at the wrong time.",
        blocking=False,
        warning=True,
        question=lambda rows: _counted(STAGING_EVENTS, rows, far),
        compared=_LOOKED_AT,
        failure=lambda n: (
            f"{_share(n, 'row_count')} events of {name} {_does(n, 'lies', 'lie')} more than a day "
            "off the log day of their object."
        ),
        sample=lambda rows: (
            "SELECT r.log_date AS log_day, COUNT(*) AS events, MIN(r.ts) AS earliest, "
            f"MAX(r.ts) AS latest FROM {rows.touched(name)} AS r WHERE {far} "
            "GROUP BY r.log_date ORDER BY COUNT(*) DESC, r.log_date LIMIT 5"
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
        compared="{matched} of {plays} plays have one",
        failure=lambda n: (
            f"Of {count(n['plays'], 'play', 'plays')} none finds its song in the catalogue."
        ),
    )


def _schema(table: Table) -> Check:
    return Check(
        table.name,
        SCHEMA_MATCHES,
        f"The columns of {table.name} are the model's, in name, type and order.",
        "Somebody altered the table, or the code is newer than it: `sparkify etl` makes tables of "
        "an older model anew; else put it back, or `sparkify create-tables --drop`, then load.",
        blocking=False,
        warning=False,
        question=None,
        compared="columns found: {found}, declared: {declared}",
        failure=lambda n: (
            f"{table.name} differs from the model: {count(n['found'], 'column', 'columns')} "
            f"found, {n['declared']:,} declared."
        ),
    )


def _share(numbers: Numbers, whole: str) -> str:
    return f"{numbers['offenders']:,} of {numbers[whole]:,}"


def _does(numbers: Numbers, one: str, many: str) -> str:
    """The verb that goes with the offenders."""
    return one if numbers["offenders"] == 1 else many


def _and(names: tuple[str, ...]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def _or(values: tuple[str, ...]) -> str:
    return values[0] if len(values) == 1 else f"{', '.join(values[:-1])} or {values[-1]}"

"""The checks that guard the tables, made from the model.

A check is a question in SQL whose answer is one row: how many offenders there are, and the numbers
that were compared. The same text runs before a load is committed, on the rows it touched, and
alone, on all that is stored. One check has no SQL, as engines describe tables each in their own
way: whether a table's columns are the model's.

What belongs here: which checks a table has, and what fills in their SQL. What does not: running
them (`pipeline.audit`) and showing them in Dagster (`defs.checks`).
"""

from __future__ import annotations

from functools import cache, partial

from sparkify_dagster.core.text import count
from sparkify_dagster.model.catalog import STAGING, TABLES
from sparkify_dagster.model.check import Check, Numbers, ask, touched, whole
from sparkify_dagster.model.ddl import Names, exact, exact_key, literal, quoted
from sparkify_dagster.model.marts import MARTS
from sparkify_dagster.model.staging import STAGING_EVENTS, STAGING_SONGS
from sparkify_dagster.model.star import SONGPLAY, STAR
from sparkify_dagster.model.table import Column, Grain, Layer, Reference, Table, Total, Type

NO_FAILED_LOADS = "no_failed_loads"
SCHEMA_MATCHES = "schema_matches_model"
_ALONE = (NO_FAILED_LOADS, SCHEMA_MATCHES)
"""Checks that no load asks before it commits: one looks at loads themselves, the other has been
answered when a load begins, which refuses a table that differs."""
_blocking, _warning = partial(Check, blocking=True), partial(Check, warning=True)


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


def asked_of(name: str) -> dict[str, str]:
    """The checks that a load asks of a table, each with a digest of what it asks."""
    return {check.name: check.digest for check in audits_of(name)}


def all_checks() -> tuple[Check, ...]:
    """The checks of every staging and star table and of every mart."""
    return tuple(check for table in (*STAGING, *STAR, *MARTS) for check in checks_of(table.name))


def _unique_key(table: Table) -> Check:
    key, named = Names(table.key), _and(table.key)
    # A text is grouped by its exact form besides, so that trailing blanks count on Redshift.
    texts = [exact(table, k, "r") for k in table.key if table.column(k).type is Type.VARCHAR]
    asked = {
        "key": key,
        "grouped": ", ".join([f"{key:r}", *texts]),
        "known": " AND ".join(f"r.{quoted(k)} IS NOT NULL" for k in table.key),
    }
    return _blocking(
        table.name,
        "unique_key",
        f"No two rows of {table.name} have the same {_and(table.key)}.",
        "Rebuild the table with `sparkify etl --full`; if it stays, its SQL is wrong.",
        question=ask("unique_key", table, **asked),
        compared="rows compared: {row_count}",
        failure=lambda n: (
            f"{count(n['offenders'], f'value of {named} stands', f'values of {named} stand')} in "
            f"more than one of {n['row_count']:,} rows of {table.name}."
        ),
        sample=ask("unique_key.sample", table, **asked),
    )


def _required(table: Table) -> Check:
    missing = " OR ".join(f"r.{quoted(c)} IS NULL" for c in table.required)
    return _blocking(
        table.name,
        "required_columns",
        f"Every row of {table.name} has {_and(table.required)}.",
        "Look at the rows named; mend the objects they come from, or the table's SQL.",
        question=ask("counted", table, wrong=missing),
        compared=_LOOKED_AT,
        failure=lambda n: (
            f"{_share(n, 'row_count')} rows of {table.name} {_does(n, 'lacks', 'lack')} "
            f"{_or(table.required)}."
        ),
        sample=ask("counted.sample", table, key=Names(table.key), wrong=missing),
    )


_LOOKED_AT = "rows looked at: {row_count}"


def _row_count(table: Table) -> Check:
    grain = table.grain
    assert grain is not None, f"{table.name}: a star table has a grain"
    return _blocking(
        table.name,
        "row_count",
        f"{table.name} has one row for each distinct {_and(table.key)} in {grain.source}.",
        "Rebuild the star with `sparkify etl --full`; if it stays, the table's SQL is wrong.",
        question=ask(
            "row_count",
            table,
            source=touched(grain.source),
            keys=exact_key(table, "s"),
            where=grain.where,
        ),
        compared="rows: {row_count}, expected: {expected}",
        failure=lambda n: (
            f"{table.name} has {count(n['row_count'], 'row', 'rows')}, and {grain.source} has "
            f"{n['expected']:,} distinct {_and(table.key)}."
        ),
    )


def _adds_up(table: Table, total: Total) -> Check:
    return _blocking(
        table.name,
        "adds_up",
        f"{total.column} of {table.name} add up to {total.meaning}.",
        "Build it anew with `sparkify etl --full`; if it stays, the table's SQL is wrong.",
        question=ask(
            "adds_up",
            table,
            mart=whole(table.name),
            total=Names((total.column,)),
            source=whole(total.table),
            expected=total.expected,
        ),
        compared="total: {total}, expected: {expected}",
        failure=lambda n: (
            f"{total.column} of {table.name} add up to {n['total']:,}, and {total.meaning} are "
            f"{n['expected']:,}."
        ),
    )


def _not_empty(table: Table) -> Check:
    grain = table.grain or Grain("load_objects", f"s.target = {literal(table.name)}")
    return _blocking(
        table.name,
        "not_empty",
        f"{table.name} has rows whenever its source has.",
        "Run `sparkify etl --full`.",
        question=ask(
            "not_empty",
            table,
            source_rows="COUNT(*)" if table.grain else "SUM(s.row_count)",
            source=touched(grain.source),
            where=grain.where,
        ),
        compared="rows: {row_count}, in the source: {source_rows}",
        failure=lambda n: (
            f"{table.name} is empty, and its source has {count(n['source_rows'], 'row', 'rows')}."
        ),
    )


def _reference(table: Table, reference: Reference) -> Check:
    referred = exact(TABLES[reference.table], reference.target, "p")
    value = exact(table, reference.column, "r")
    asked = {
        "column": Names((reference.column,)),
        "referred": whole(reference.table),
        "target": Names((reference.target,)),
        "same": f"{referred} = {value}",
    }
    return _blocking(
        table.name,
        f"{reference.column}_in_{reference.table}",
        f"Every {reference.column} in {table.name} stands in {reference.table}.",
        "Rebuild the star with `sparkify etl --full`; if it stays, the SQL of the two disagrees.",
        question=ask("reference", table, **asked),
        compared="values looked up: {looked_up}",
        failure=lambda n: (
            f"{_share(n, 'looked_up')} values of {reference.column} in {table.name} "
            f"{_does(n, 'is', 'are')} not in {reference.table}."
        ),
        sample=ask("reference.sample", table, exact=value, **asked),
    )


def _reconciled(table: Table) -> Check:
    origin = "r.object"
    origins = ask("origins", table)
    if table is STAGING_EVENTS:  # Where Redshift read several objects at once, by their day.
        origin = "COALESCE(r.object, CAST(r.log_date AS VARCHAR(10)))"
        origins = ask("origins_by_day", table, traced=origins)
    suppressed = ask("suppressed", table)
    by_object = ask("by_object", table, origin=origin, origins=origins, suppressed=suppressed)
    return _blocking(
        table.name,
        "records_reconciled",
        "Rows staged, rejected and suppressed together are the records of each object.",
        "Load the objects named again: `sparkify etl --full`; tell us if it stays.",
        question=ask("records_reconciled", table, by_object=by_object),
        compared="records: {records}, staged: {staged}, rejected: {rejected}, "
        "suppressed: {suppressed}",
        failure=lambda n: (
            f"Of {count(n['records'], 'record', 'records')} {n['staged']:,} were staged, "
            f"{n['rejected']:,} rejected and {n['suppressed']:,} suppressed, and in "
            f"{count(n['offenders'], 'object', 'objects')} that does not add up."
        ),
        sample=ask("records_reconciled.sample", table, by_object=by_object),
    )


def _no_failed_loads(table: Table) -> Check:
    return Check(
        table.name,
        NO_FAILED_LOADS,
        f"The last load of every part of {table.name} succeeded.",
        "`sparkify status` says why it failed; mend the objects and load again.",
        question=ask("no_failed_loads", table),
        compared="{offenders} of {parts} failed",
        failure=lambda n: f"{_share(n, 'parts')} parts of {table.name} did not load the last time.",
        sample=ask("no_failed_loads.sample", table),
    )


def _rejects(table: Table) -> Check:
    return _warning(
        table.name,
        "no_rejects",
        f"Every record meant for {table.name} could be read.",
        "See them with `sparkify rejects`; mend the objects, and they load by themselves.",
        question=ask("no_rejects", table),
        compared="{offenders} of {records} rejected",
        failure=lambda n: (
            f"{_share(n, 'records')} records for {table.name} {_does(n, 'was', 'were')} rejected."
        ),
        sample=ask("no_rejects.sample", table),
    )


def _unknown_fields(table: Table) -> Check:
    parts = f"loads of {table.name}" if table is STAGING_SONGS else "days"
    return _warning(
        table.name,
        "no_unknown_fields",
        f"Every field of the records for {table.name} has a column.",
        "A field was added at the source: decide whether it deserves a column.",
        question=ask("no_unknown_fields", table),
        compared="{offenders} of {parts} loads have others",
        failure=lambda n: (
            f"{_share(n, 'parts')} {parts} {_does(n, 'carries', 'carry')} a field no column takes."
        ),
        sample=ask("no_unknown_fields.sample", table),
    )


def _accepted(table: Table, column: Column) -> Check:
    values = ", ".join(f"'{value}' || CHR(1)" for value in column.accepted)
    return _warning(
        table.name,
        f"{column.name}_accepted",
        f"{column.name} in {table.name} is {_or(column.accepted)}, or unknown.",
        "A value nobody expected: find out at the source what it means.",
        question=ask(
            "counted",
            table,
            wrong=f"{exact(table, column.name, 'r')} NOT IN ({values})",
        ),
        compared=_LOOKED_AT,
        failure=lambda n: (
            f"{_share(n, 'row_count')} rows of {table.name} {_does(n, 'has', 'have')} another "
            f"{column.name} than {_or(column.accepted)}."
        ),
    )


def _times() -> Check:
    table, far = STAGING_EVENTS, "ABS(CAST(r.ts AS DATE) - r.log_date) > 1"
    return _warning(
        table.name,
        "times_near_log_day",
        f"No event of {table.name} lies more than a day off its log day.",
        "Is `ts` in seconds, not in milliseconds, or was a clock wrong at the source? Mend the "
        "objects, and they load by themselves; till then their plays stand at the wrong time.",
        question=ask("counted", table, wrong=far),
        compared=_LOOKED_AT,
        failure=lambda n: (
            f"{_share(n, 'row_count')} events of {table.name} {_does(n, 'lies', 'lie')} more "
            "than a day off the log day of their object."
        ),
        sample=ask("times_near_log_day.sample", table, wrong=far),
    )


def _match_rate() -> Check:
    return _warning(
        SONGPLAY.name,
        "match_rate",
        "Some plays find their song in the catalogue, if there are plays and songs.",
        "Is SONG_DATA the catalogue of these logs? Compare titles and artist names.",
        question=ask(
            "match_rate", SONGPLAY, fact=whole(SONGPLAY.name), catalogue=whole(STAGING_SONGS.name)
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
        "an older model anew; else put it back, or `sparkify create-tables --drop` (in an "
        "environment `sparkify env drop` and `sparkify env create`), then load.",
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

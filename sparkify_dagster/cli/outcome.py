"""What a load did, as a table for people and as plain values for `--json`.

What belongs here: showing a `launch.LoadResult`, and checks whatever they come from.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import date
from typing import TYPE_CHECKING

from sparkify_dagster.cli.console import complain, grid, near, offer_named, say, show, warn
from sparkify_dagster.cli.failed import CATALOGUE, failed_parts, named
from sparkify_dagster.cli.rows import rows_now
from sparkify_dagster.core.meter import CONNECTIONS, ROUND_TRIPS
from sparkify_dagster.core.text import count
from sparkify_dagster.lake.objects import DayRange
from sparkify_dagster.model.checks import NO_FAILED_LOADS
from sparkify_dagster.model.marts import MARTS
from sparkify_dagster.model.staging import STAGING_EVENTS, STAGING_SONGS
from sparkify_dagster.model.star import SONGPLAY, STAR
from sparkify_dagster.warehouse.engine import Warehouse, WarehouseError

if TYPE_CHECKING:
    from sparkify_dagster.defs.instance import LoadResult


@dataclass(frozen=True, slots=True)
class CheckLine:
    """One check and what it found.

    Attributes:
        warning: Its failing is worth a look, no error.
        told: Its claim and what was compared; how it failed, for example where, and what to do.
        sample: A few examples of what offends.
    """

    table: str
    name: str
    passed: bool
    warning: bool
    told: str
    sample: Sequence[Mapping[str, object]] = ()

    @property
    def full_name(self) -> str:
        """Table and check."""
        return f"{self.table}.{self.name}"


def checks_of_run(result: LoadResult) -> list[CheckLine]:
    """The checks a run reported."""
    return [
        CheckLine(
            c.table, c.name, c.passed, c.severity == "WARN", c.description, _sample(c.metadata)
        )
        for c in result.checks
    ]


def show_failure(result: LoadResult) -> None:
    """Says that a load failed, and why."""
    say("The load failed; what could be published is published.")
    for line in (result.failure or "It was stopped before it could say why.").splitlines():
        complain(line)


def show_outcome(result: LoadResult, warehouse: Warehouse, days: DayRange | None = None) -> None:
    """Prints why a load failed if it did, what it did, then what is to be looked at.

    Args:
        days: The log days it was asked for; None for all.
    """
    checks = checks_of_run(result)
    if result.success:
        say("Loaded.")
    else:
        show_failure(result)
    say()
    table = grid("table", "what was done", "rejected", "rows now", "checks", right=_NUMBERS)
    now = rows_now(warehouse)
    for name, (done, rejected) in _done(result).items():
        rows = f"{now[name]:,}" if name in now else ""
        table.add_row(name, done, rejected, rows, passed_of(checks, name))
    marts, rows, passed = marts_row(now, checks)
    table.add_row(marts, _marts_done(result), "", rows, passed)
    show(table)
    found = [check for check in checks if not check.passed and not _is_told(check, result, days)]
    show_findings(found)
    offer_named(" ".join([result.failure or "", *map(found_by, found)]), failed=True)
    _warn_of_others(result, warehouse, days)
    _warn_of_copies(result)
    for text in result.warnings:
        warn(text)
    say()
    say(f"Warehouse: {near(warehouse.location)}{_sent(result)}. Run {result.run_id[:8]}.")
    if usage := cluster_line(result):
        say(usage)
    if path := _report_of(result):
        say(f"Report: {near(path)}.")


_OF_REDSHIFT = (ROUND_TRIPS, CONNECTIONS)
_NUMBERS = ("rejected", "rows now", "checks")


def _sent(result: LoadResult) -> str:
    """`, 43 round trips on 1 connection`: what the load took, where the warehouse is far away."""
    told = [*result.materialized.values(), *(data for _, data in result.days)]
    trips, connections = (sum(_number(d, name) for d in told) for name in _OF_REDSHIFT)
    if not trips:
        return ""
    return f", {count(trips, 'round trip')} on {count(connections, 'connection')}"


def _is_told(check: CheckLine, result: LoadResult, days: DayRange | None) -> bool:
    """Whether it only repeats why the run failed, or what is not of the days asked for."""
    if check.name != NO_FAILED_LOADS:
        return False
    told = result.failure or ""
    if check.table == STAGING_SONGS.name:
        return CATALOGUE in told
    parts = [str(row.get("part", "")) for row in check.sample]
    return all(part in told or _is_outside(part, days) for part in parts)


def _warn_of_others(result: LoadResult, warehouse: Warehouse, days: DayRange | None) -> None:
    """Names the log days that failed before and were not asked for now."""
    failed = any(c.name == NO_FAILED_LOADS and not c.passed for c in result.checks)
    if not failed or days is None:
        return
    others: list[str] = []
    with suppress(WarehouseError):
        failed_days = warehouse.read_only(failed_parts).days
        others = [day for day in failed_days if _is_outside(day, days)]
    if others:
        warn(f"still failed, outside --days: {named(others)}")


def _warn_of_copies(result: LoadResult) -> None:
    """Tells why Redshift could not read the lake by itself, if its records are not to blame."""
    worries = [
        (day, data["why_not_copied"]) for day, data in result.days if data.get("check_the_setup")
    ]
    if worries:
        days, why = count(len(worries), "day"), worries[0][1]
        warn(f"Redshift could not copy {days}, which were read here instead: {why}")


def _is_outside(day: str, days: DayRange | None) -> bool:
    return days is not None and date.fromisoformat(day) not in days


def passed_of(checks: Iterable[CheckLine], *tables: str) -> str:
    """`5 of 6`: the checks of some tables that passed."""
    outcomes = [check.passed for check in checks if check.table in tables]
    return f"{sum(outcomes)} of {len(outcomes)}" if outcomes else ""


def show_findings(checks: Iterable[CheckLine]) -> None:
    """Spells out checks that did not pass, on stderr."""
    for check in checks:
        tell = warn if check.warning else complain
        tell(found_by(check))


def found_by(check: CheckLine) -> str:
    """What a check that did not pass found."""
    return f"{check.full_name}: {check.told}"


def outcome_json(result: LoadResult | None) -> dict[str, object]:
    """The same for programs; every key is always there."""
    tables = [STAGING_SONGS.name, *(table.name for table in (*STAR, *MARTS))]
    return {
        "run_id": result.run_id if result else None,
        "success": result.success if result else True,
        "failure": result.failure if result else None,
        "days": [{"day": day, **_named_of_day(data)} for day, data in sorted(result.days)]
        if result
        else [],
        "failed_days": result.failed_days if result else [],
        "warnings": result.warnings if result else [],
        "tables": {
            name: _named(result.materialized[name])
            for name in tables
            if result and name in result.materialized
        },
        "checks": [asdict(check) for check in result.checks] if result else [],
        "report": _report_of(result),
    }


def cluster_line(result: LoadResult) -> str:
    """What the load took of the cluster, where the cluster tells."""
    told = result.materialized.get(SONGPLAY.name, {})
    if "queries" not in told:
        return ""
    took = f"Cluster: {told['queries']} queries, {told['query_seconds']} s of work"
    dollars = told.get("cluster_dollars_estimated")
    awake = f"{took} in {told['seconds_awake']} s awake"
    return f"{awake}, about ${dollars} ([LOAD] HOUR_PRICE)." if dollars else f"{awake}."


def _report_of(result: LoadResult | None) -> str | None:
    """Where the run wrote the report, if it did."""
    written = result.materialized.get("report", {}).get("path") if result else None
    return str(written) if written else None


def _done(result: LoadResult) -> dict[str, tuple[str, str]]:
    """What was done to each table and how many records it rejected, in words."""
    songs = result.materialized.get(STAGING_SONGS.name)
    told = {
        STAGING_SONGS.name: _songs_done(songs) if songs else ("nothing", ""),
        STAGING_EVENTS.name: _days_done(result),
    }
    for table in STAR:
        told[table.name] = (_star_done(result.materialized.get(table.name)), "")
    told[SONGPLAY.name] = (told[SONGPLAY.name][0] + _matched(result), "")
    return told


def _matched(result: LoadResult) -> str:
    """`; songs found: 5 exact, 1 repaired`: how many plays have a song, by how it was found."""
    ways = result.materialized.get(SONGPLAY.name, {}).get("plays_matched_by")
    found = ", ".join(f"{n:,} {how}" for how, n in ways.items()) if isinstance(ways, dict) else ""
    return f"; songs found: {found}" if found else ""


def marts_row(rows: Mapping[str, int], checks: Iterable[CheckLine]) -> tuple[str, str, str]:
    """All marts as one line: how many, their rows, the checks that passed."""
    names = [table.name for table in MARTS]
    held = sum(rows.get(name, 0) for name in names)
    return count(len(MARTS), "mart"), f"{held:,}", passed_of(checks, *names)


def _marts_done(result: LoadResult) -> str:
    """`6 refreshed, 4 as they were`: how the marts were brought up to date."""
    told = Counter(
        str(result.materialized[table.name].get("how"))
        for table in MARTS
        if table.name in result.materialized
    )
    words = {"rebuild": "built whole", "refresh": "refreshed", "nothing": "as they were"}
    done = [f"{told[how]} {word}" for how, word in words.items() if told[how]]
    return ", ".join(done) or "nothing"


def _songs_done(data: Mapping[str, object]) -> tuple[str, str]:
    return f"{count(_number(data, 'objects_read'), 'object')} read", f"{_number(data, 'rejects'):,}"


def _days_done(result: LoadResult) -> tuple[str, str]:
    failed = f"{count(len(result.failed_days), 'day')} failed" if result.failed_days else ""
    if not result.days:
        return failed or "nothing", ""
    objects = count(sum(_number(data, "objects") for _, data in result.days), "object")
    records = count(sum(_number(data, "records") for _, data in result.days), "record")
    rejects = sum(_number(data, "rejects") for _, data in result.days)
    days = f"{count(len(result.days), 'day')}: {objects}, {records}"
    if suppressed := sum(_number(data, "suppressed") for _, data in result.days):
        days += f", {suppressed:,} suppressed"
    return f"{days}; {failed}" if failed else days, f"{rejects:,}"


def _star_done(data: Mapping[str, object] | None) -> str:
    if data is None:
        return "nothing"
    added, removed = _number(data, "rows_added"), _number(data, "rows_removed")
    if data.get("how") == "rebuild":
        return f"built whole, {count(added, 'row')}"
    if not (added or removed):
        return "no change"
    return f"{count(added, 'row')} written, {removed:,} removed"


def _number(data: Mapping[str, object], name: str) -> int:
    value = data.get(name, 0)
    return value if isinstance(value, int) else 0


def _named(data: Mapping[str, object]) -> dict[str, object]:
    """Metadata under names of our own instead of Dagster's."""
    return {name.removeprefix("dagster/"): value for name, value in data.items()}


def _named_of_day(data: Mapping[str, object]) -> dict[str, object]:
    """The same of a log day: its `row_count` is the day's, not the table's."""
    named = _named(data)
    return named | {"row_count": named.pop("partition_row_count", 0)}


def _sample(metadata: Mapping[str, object]) -> Sequence[Mapping[str, object]]:
    sample = metadata.get("sample", [])
    return [dict(row) for row in sample] if isinstance(sample, list) else []

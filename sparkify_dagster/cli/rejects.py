"""`sparkify rejects`: the records that were not accepted: how many for each reason, then each one.

What belongs here: reading `load_rejects` and showing it. Values are masked unless they are asked
for: names and places are personal data.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict, dataclass
from datetime import date

from sparkify_dagster.cli.console import faint, grid, note, print_json, say, show
from sparkify_dagster.cli.watching import watching
from sparkify_dagster.core.masking import mask
from sparkify_dagster.core.reject_reasons import cause_of, causes
from sparkify_dagster.core.text import count, printable
from sparkify_dagster.factory import open_warehouse
from sparkify_dagster.model.ddl import relations
from sparkify_dagster.model.statements import statement
from sparkify_dagster.pipeline.publish import KEPT_REJECTS
from sparkify_dagster.settings import Settings
from sparkify_dagster.warehouse import ledger
from sparkify_dagster.warehouse.engine import Session

_SHORT = 60
_REASONS = 20


@dataclass(frozen=True, slots=True)
class Rejected:
    """A record that was not accepted.

    Attributes:
        column: The column to blame, if one is.
        published: Its neighbours were published; if not, its day failed as a whole.
        record: Its text; masked unless it was asked for raw.
    """

    table: str
    log_day: str | None
    object: str
    line: int
    column: str | None
    reason: str
    published: bool
    record: str


def run_rejects(
    settings: Settings, *, raw: bool, table: str | None, day: str | None, limit: int, as_json: bool
) -> None:
    """Prints rejected records."""

    def look(session: Session) -> tuple[Counter[tuple[bool, str]], list[Rejected], bool]:
        ledger.ready_tables(session)
        return *_find(session, table, day, limit, raw=raw), _are_all_kept(session)

    with watching():
        counts, found, all_kept = open_warehouse(settings).read_only(look)
    total = counts.total()
    if as_json:
        print_json(
            {
                "total": total,
                "all_kept": all_kept,
                "masked": not raw,
                "rejects": [asdict(reject) for reject in found],
            }
        )
    elif not found:
        none = f"No rejected records of {day}." if day else "No rejected records."
        say(none if total == 0 else f"{total:,} rejected records; none shown.")
    else:
        _show_reasons(counts)
        _show(found, raw=raw)
        failed = sum(number for (published, _), number in counts.items() if not published)
        if 0 < failed < total:
            say(f"{failed:,} of loads that failed, {total - failed:,} published.")
        if not all_kept:
            say(
                f"Of an object whose load failed, the first {KEPT_REJECTS:,} are kept. How many "
                "there were: `sparkify status`."
            )
        _tell_rest(found, total, raw=raw)


def _find(
    session: Session, table: str | None, day: str | None, limit: int, *, raw: bool
) -> tuple[Counter[tuple[bool, str]], list[Rejected]]:
    """How many there are, by whether they are published and by reason, and those to show."""
    only, values = "1 = 1", dict[str, object]()
    if table:
        only, values["table"] = f"{only} AND j.target_table = $table", table
    if day:
        only, values["day"] = f"{only} AND j.log_date = $day", date.fromisoformat(day)
    names = relations(session.schema)
    counts = session.query(statement("ledger/rejects_by_reason.sql", names, only=only), values)
    most = f"LIMIT {limit:d}" if limit else ""
    rows = session.query(statement("ledger/rejects.sql", names, only=only, most=most), values)
    return Counter({(bool(published), reason): int(n) for published, reason, n in counts}), [
        Rejected(
            name, str(on) if on else None, key, line, column, reason, published, _text(text, raw)
        )
        for name, on, key, line, column, reason, published, text in rows
    ]


def _are_all_kept(session: Session) -> bool:
    """Whether no failed load may have had more rejects than are there."""
    names = relations(session.schema)
    return not session.query(statement("ledger/rejects_cut_off.sql", names, most=KEPT_REJECTS))


def _text(text: str | None, raw: bool) -> str:
    return (text or "") if raw else mask(text or "")


def _show_reasons(counts: Counter[tuple[bool, str]]) -> None:
    """How many there are for each reason, unless each has its own."""
    found = causes(((cause_of(reason), n) for (_, reason), n in counts.items()), _REASONS)
    if counts.total() == len(found.told):
        return
    table = grid("reason", "records", right=("records",))
    for cause, records in found.told:
        table.add_row(printable(cause.reason), f"{records:,}")
    if found.others:
        table.add_row(count(found.others, "other reason"), f"{found.other_records:,}")
    show(table)
    say()


def _show(found: list[Rejected], *, raw: bool) -> None:
    grouped: dict[tuple[str, bool], list[Rejected]] = {}
    for reject in found:
        grouped.setdefault((reject.table, reject.published), []).append(reject)
    for (name, published), rejects in grouped.items():
        say(name if published else f"{name}: of loads that failed", "bold")
        table = grid("object", "line", "column", "reason", "record", right=("line",))
        for reject in rejects:
            record = printable(reject.record)
            table.add_row(
                printable(reject.object),
                str(reject.line),
                reject.column or "",
                printable(reject.reason),
                record if raw else faint(_cut(record)),
            )
        show(table)
        say()


def _cut(text: str) -> str:
    return text if len(text) <= _SHORT else f"{text[: _SHORT - 1]}…"


def _tell_rest(found: list[Rejected], total: int, *, raw: bool) -> None:
    if len(found) < total:
        note(f"{len(found):,} of {total:,}; --limit 0 shows all.")
    if not raw:
        note("Values are masked: names and places are personal data. --raw shows them.")

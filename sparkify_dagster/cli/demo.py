"""`sparkify demo`: from nothing to answers, in the current folder.

What belongs here: the demo's own settings and lake, and the order in which a stranger is shown
things. The load is the one everybody runs, in `etl`.
"""

from __future__ import annotations

import re
import sys
import time
from datetime import timedelta
from pathlib import Path

from sparkify_dagster.cli.console import (
    command,
    command_line,
    grid,
    near,
    say,
    show,
    title,
    typed,
    warn,
)
from sparkify_dagster.cli.errors import FAILED
from sparkify_dagster.cli.etl import Comparison, compare, load, nothing_changed, warn_unread
from sparkify_dagster.cli.generate import described, lake_root, write_whole
from sparkify_dagster.cli.outcome import CheckLine, found_by, marts_row, passed_of, show_failure
from sparkify_dagster.cli.query import EXAMPLE
from sparkify_dagster.cli.questions import answer_questions
from sparkify_dagster.cli.rows import count_rows
from sparkify_dagster.core.local_files import made_for, read_bounded
from sparkify_dagster.core.text import count
from sparkify_dagster.generator import LakeSpec
from sparkify_dagster.model.catalog import STAGING, TABLES
from sparkify_dagster.model.checks import all_checks
from sparkify_dagster.model.marts import MARTS
from sparkify_dagster.model.star import STAR
from sparkify_dagster.pipeline.audit import Stored, examine
from sparkify_dagster.settings import CONFIG_NAME, Settings, load_settings
from sparkify_dagster.warehouse import ledger
from sparkify_dagster.warehouse.engine import Session

SPEC = LakeSpec(mess=True)
_NEXT = {
    "Ask it yourself": f"query '{EXAMPLE}'",
    "What was rejected": "rejects",
    "What is loaded": "status",
}
_SOME_MARTS = ", ".join(table.name for table in MARTS[:3])
_MARK = "# Written by `sparkify demo`"
_CONFIG = """\
{mark} for its sample lake. It is the demo's own: remove it, or
# copy dwh.cfg.example over it, to work on a lake of yours.
[S3]
LOG_DATA='data/lake/log_data'
LOG_JSONPATH='data/lake/log_json_path.json'
SONG_DATA='data/lake/song_data'

[DUCKDB]
PATH='data/warehouse.duckdb'

# The sample's days and no others, so that the UI shows no empty years.
[DAYS]
FIRST='{first}'
LAST='{last}'
"""


def run_demo(config: Path | None) -> int:
    """Shows the platform at work and gives the exit code."""
    settings = _own_settings(config)
    _make_lake(settings)
    found = compare(settings)
    warn_unread(found.snapshot)
    first_time = not found.todo.is_nothing
    good = True
    if first_time:
        good = _load(settings)
    else:
        say(nothing_changed(found))
    with found.warehouse.reading() as session:
        _show_loads(session)
        _show_tables(session)
        if first_time:
            answer_questions(session)
    _show_next(found, settings.report.path)
    return 0 if good else FAILED


def _own_settings(config: Path | None) -> Settings:
    """The settings that are there; where there are none, a file with the demo's own."""
    settings = load_settings(config)
    if settings.source is None:
        last = SPEC.start + timedelta(days=SPEC.days - 1)
        text = _CONFIG.format(mark=_MARK, first=SPEC.start, last=last)
        with made_for(), Path(CONFIG_NAME).open("x", encoding="utf-8") as file:
            file.write(text)
        say(f"Wrote {CONFIG_NAME}: the demo's settings.")
        settings = load_settings(config)
    return settings


def _make_lake(settings: Settings) -> None:
    """Makes the sample lake where there is none; touches nothing that could be somebody's."""
    root = lake_root(settings)
    if root is None or any(Path(place).exists() for place in settings.s3.places.values()):
        return
    if settings.duckdb.path.exists() and not _is_the_demos(settings):
        return  # A warehouse of their own without its lake: the load says so.
    made = write_whole(root, SPEC)
    say(f"Made {described(made)} in {near(root)}.")
    say("Some of it is broken on purpose, as in real lakes.")


def _is_the_demos(settings: Settings) -> bool:
    return settings.source is not None and read_bounded(settings.source).startswith(_MARK.encode())


def _load(settings: Settings) -> bool:
    """Runs the load and says how it ended; gives whether it succeeded."""
    started = time.monotonic()
    result = load(settings)
    if result.success:
        say(f"Loaded in {time.monotonic() - started:.1f} s.")
    else:
        show_failure(result)
    for text in result.warnings:
        warn(text)
    return result.success


def _show_loads(session: Session) -> None:
    """What is loaded: from how many objects, how many rows, how many rejects."""
    title("What was loaded")
    columns = ("from the lake", "days", "objects", "records", "rows", "rejected")
    table = grid(*columns, right=columns[1:])
    entries = ledger.latest(session)
    for staged, source in zip(STAGING, ("songs", "logs"), strict=True):
        own = [e for e in entries if e.target == staged.name and e.objects]
        days = f"{len(own):,}" if source == "logs" else ""
        numbers = [(e.objects, e.records, e.row_count, e.rejects) for e in own]
        table.add_row(source, days, *(f"{sum(column):,}" for column in zip(*numbers, strict=True)))
    show(table)


def _show_tables(session: Session) -> None:
    """The tables, how many rows each has, and what its checks say of them now."""
    title("The tables and their checks")
    checks = _checks(session)
    rows = count_rows(session)
    table = grid("table", "rows", "checks", "what it holds", right=("rows", "checks"))
    for name in (t.name for t in (*STAGING, *STAR)):
        meaning = _in_short(TABLES[name].meaning)
        table.add_row(name, f"{rows.get(name, 0):,}", passed_of(checks, name), meaning)
    table.add_row(*marts_row(rows, checks), f"Answers kept ready: {_SOME_MARTS}, …")
    show(table)
    failed = [check for check in checks if not check.passed]
    say()
    say(f"{len(checks) - len(failed)} of {count(len(checks), 'check')} passed.")
    for check in failed:
        kind, style = ("Warning", "yellow") if check.warning else ("Failed", "red")
        say(f"{kind}: {found_by(check)}", style)


def _checks(session: Session) -> list[CheckLine]:
    return [
        CheckLine(
            finding.check.table,
            finding.check.name,
            finding.passed,
            finding.check.warning,
            finding.sentence,
            finding.sample,
        )
        for finding in examine(session, all_checks(), Stored(session.schema))
    ]


def _in_short(meaning: str) -> str:
    """A table's meaning up to where the details begin."""
    return re.split("[:,]", meaning)[0].rstrip(".")


def _show_next(found: Comparison, report: Path) -> None:
    """What a stranger may want to see next.

    Args:
        report: Where the load wrote the page, if it wrote one.
    """
    title("Where to go next")
    if Path("Makefile").exists() and Path("workspace.yaml").exists():
        ui = "make dev"
    else:
        ui = f"DAGSTER_HOME=$PWD/.dagster {_dagster()} dev -m sparkify_dagster.definitions"
    if report.exists():
        say(f"The report, for a browser: {near(report)}")
    say(f"The warehouse: {near(found.warehouse.location)}")
    say("The Dagster UI:")
    command(ui)
    for what, words in _NEXT.items():
        say(f"{what}:")
        command(command_line(words))


def _dagster() -> str:
    """What a person types to start the `dagster` of this very installation."""
    beside = Path(sys.executable).with_name("dagster")
    return typed(beside) if beside.exists() else f"{typed(Path(sys.executable))} -m dagster"

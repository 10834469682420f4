"""What is done beside a load: nothing of it can fail the load, and each failure is told once."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from sparkify_dagster.core import progress
from sparkify_dagster.defs import events as report
from sparkify_dagster.defs import load_op as load
from sparkify_dagster.defs import metadata
from sparkify_dagster.defs.extras import Extras, lend_temporary_folder
from sparkify_dagster.defs.jobs import LOAD_JOB
from sparkify_dagster.defs.metadata import failed_parts
from sparkify_dagster.lake.reader.reader import Reader
from sparkify_dagster.model.catalog import TABLES
from sparkify_dagster.model.table import Layer
from sparkify_dagster.pipeline import load as pipeline_load
from sparkify_dagster.pipeline.events import FailedPart
from sparkify_dagster.warehouse import ledger
from sparkify_dagster.warehouse.duckdb.warehouse import DuckDBWarehouse
from sparkify_dagster.warehouse.engine import WarehouseError
from sparkify_dagster_tests.lakes import event, log_key, song
from sparkify_dagster_tests.unit.defs.test_load_told import QUIET, SONGS, House, Told

MADE = {table.name for table in TABLES.values() if table.layer is not Layer.LEDGER}
DAYS = ("2018-11-01", "2018-11-02")


def test_what_fails_gives_its_default_and_is_told_once_to_the_log_and_to_whoever_watches() -> None:
    logged: list[str] = []
    watched: list[str] = []
    extras = Extras(logged.append)

    def missing() -> int:
        raise WarehouseError("the warehouse is away.")

    with progress.warnings_into(watched):
        assert extras.tried("No rows are shown", lambda: 3, 0) == 3
        assert [extras.tried("No rows are shown", missing, 0) for _ in range(2)] == [0, 0]
    extras.tried("Sizes are not told", missing, 0)
    assert watched == ["No rows are shown: the warehouse is away."]
    assert logged == [*watched, "Sizes are not told: the warehouse is away."]


def test_an_error_nobody_foresaw_is_told_by_its_place_and_not_by_its_text() -> None:
    logged: list[str] = []
    Extras(logged.append).tried("No plot", lambda: int("Ada Byron"), 0)
    assert len(logged) == 1
    assert logged[0].startswith("No plot: ValueError in test_extras.py, line ")


def test_a_log_that_cannot_be_written_fails_nothing() -> None:
    def full(_: str) -> None:
        raise OSError(28, "No space left on device")

    assert Extras(full).tried("No plot", lambda: int("x"), 7) == 7


def test_somebody_who_ends_the_run_is_obeyed() -> None:
    def stopped() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        Extras(print).tried("No plot", stopped, None)


def test_a_watcher_whose_disk_is_full_does_not_stop_a_load() -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with progress.watched_by(full):
        progress.report("reading")


def test_a_folder_is_lent_for_temporary_files_only_where_there_is_no_place_for_them(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    kept = tempfile.gettempdir()
    lend_temporary_folder(str(tmp_path))
    assert tempfile.gettempdir() == kept
    monkeypatch.setattr(tempfile, "tempdir", None)
    monkeypatch.setattr(tempfile, "_candidate_tempdir_list", lambda: ["/proc/nowhere"])
    lend_temporary_folder(str(tmp_path))
    assert Path(tempfile.mkdtemp()).parent == tmp_path


@pytest.fixture
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    with dg.DagsterInstance.ephemeral() as instance:
        changes = {"SPARKIFY_REPORT__ENABLED": "yes", "SPARKIFY_LOAD__REJECT_LIMIT": "0.5"}
        house = House(tmp_path_factory.mktemp("house"), instance, changes)
        house.lake.put_song("a.json", song())
        for number, day in enumerate(DAYS):
            house.lake.put_log(
                log_key(day), event(ts=1541030400000 + 86_400_000 * number), event(ts=None)
            )
        yield house


LOOKS: list[tuple[Any, str]] = [
    (report, "look_at"), (report, "look_at_staged"), (pipeline_load, "examine_stored"),
    (DuckDBWarehouse, "sizes"),
]  # fmt: skip
TOLD: list[tuple[Any, str]] = [
    *((report, name) for name in (
        "AssetMaterializationPlannedData", "check_evaluation", "cost_metadata",
    )),
    *((metadata, name) for name in (
        "day_metadata", "reasons_metadata", "rows_metadata", "size_metadata", "took_metadata",
    )),
]  # fmt: skip
HOUSEKEEPING: list[tuple[Any, str]] = [
    (metadata, "by_day"), (ledger, "prune"), (DuckDBWarehouse, "clean_up"), (load, "prune_runs"),
    (load, "publish_report"), (Reader, "close"),
]  # fmt: skip
EXTRAS = [*LOOKS, *TOLD, *HOUSEKEEPING]


def broken(monkeypatch: pytest.MonkeyPatch, extras: list[tuple[Any, str]]) -> None:
    """Lets extras fail, for which there is no real means in a test's own process."""

    def fails(*_: object, **__: object) -> None:
        raise ValueError("Ada Byron")

    for owner, name in extras:
        monkeypatch.setattr(owner, name, fails)


def loaded(house: House) -> tuple[Told, list[str]]:
    """A load, and what it warned of."""
    warnings: list[str] = []
    with progress.warnings_into(warnings):
        told = house.run()
    return told, warnings


@pytest.mark.parametrize(
    ("extras", "said"),
    [
        (LOOKS, ["No rows are shown", "Sizes are not told", "Checks were not made"]),
        (
            TOLD,
            [
                "Days in progress are not shown", "A check is not shown",
                *(f"Something is not shown with {name}" for name in MADE),
            ],
        ),
        (
            HOUSEKEEPING,
            [
                "A reader was not closed", "Something is not shown with staging_events_table",
                "Old history was not removed", "Files of dead loads were not removed",
                "Old run records were not removed", "The report was not written",
            ],
        ),
    ],
    ids=["looks", "told", "housekeeping"],
)  # fmt: skip
def test_whatever_fails_after_a_commit_the_load_is_good_and_dagster_hears_of_every_table(
    house: House,
    monkeypatch: pytest.MonkeyPatch,
    extras: list[tuple[Any, str]],
    said: list[str],
) -> None:
    broken(monkeypatch, extras)
    told, warnings = loaded(house)
    assert told.success
    assert {*told.tables, "staging_events_table"} - {"report"} == MADE
    assert told.tables["songplay"]["dagster/row_count"] == 1
    assert set(told.days) == set(DAYS)
    assert set(said) <= {warning.partition(": ")[0] for warning in warnings}
    assert len(warnings) == len(set(warnings))
    assert all("ValueError in test_extras.py" in warning for warning in warnings)


def test_a_load_that_fails_stays_a_failure_and_says_why_and_of_which_part(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    house.lake.put_log(log_key("2018-11-03"), b"broken", b"broken")
    broken(monkeypatch, EXTRAS)
    (part,) = _failed(_ran(house))
    assert (part.name, part.tried, part.given_up) == ("2018-11-03", 1, False)
    assert part.reason.startswith("2018-11-03 was not published: 2 of 2 records")


def test_each_part_that_fails_says_how_often_it_was_tried_and_when_it_is_given_up(
    house: House,
) -> None:
    house.lake.put_log(log_key("2018-11-03"), b"broken", b"broken")
    for number in range(9):
        house.lake.put_song(f"b{number}.json", b"broken")
    assert [_states(house) for _ in range(3)] == [
        {"the song catalogue": (1, False), "2018-11-03": (1, False)},
        {"the song catalogue": (2, False), "2018-11-03": (2, False)},
        {"the song catalogue": (3, True), "2018-11-03": (3, True)},
    ]
    house.lake.put_log(log_key("2018-11-04"), b"broken", b"broken")
    told = Told(_ran(house, "due"))
    assert not told.success
    assert SONGS not in told.tables, "it was given up, and is not up to date"


def _states(house: House) -> dict[str, tuple[int, bool]]:
    return {part.name: (part.tried, part.given_up) for part in _failed(_ran(house))}


def _ran(house: House, what: str = "changes") -> dg.ExecuteInProcessResult:
    config = {"ops": {"load_tables": {"config": {"what": what}}}}
    return house.definitions.resolve_job_def(LOAD_JOB).execute_in_process(
        instance=house.instance, raise_on_error=False, run_config=QUIET | config
    )


def _failed(done: dg.ExecuteInProcessResult) -> tuple[FailedPart, ...]:
    """The parts that failed in a run; all that it says why stands with them."""
    (step,) = [event for event in done.all_events if event.is_step_failure]
    told = step.step_failure_data.user_failure_data
    assert told is not None
    parts = failed_parts(told.metadata)
    assert told.description == "\n".join(part.reason for part in parts)
    return parts

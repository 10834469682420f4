"""Nothing that Dagster keeps of a load says who a person is, whatever goes wrong with it."""

from __future__ import annotations

from hashlib import md5
from pathlib import Path

import dagster as dg
import pytest

from sparkify_dagster.defs.build import build_definitions
from sparkify_dagster.defs.jobs import CHECKS_JOB, LOAD_JOB
from sparkify_dagster.lineage.graph import origins_of
from sparkify_dagster.model.catalog import TABLES
from sparkify_dagster.model.staging import STAGING_EVENTS
from sparkify_dagster.settings import load_settings
from sparkify_dagster_tests.lakes import TinyLake, event, log_key, song, warehouse_at

TITLE = "Song that nobody hides"
GOOD, BAD = "2018-11-02", "2018-11-03"
COUNTED = {
    "listeners_by_day": {"new_listeners", "returning_listeners"},
    "subscriptions_by_day": {"free", "paid", "upgrades", "downgrades", "cancellations"},
}
"""What is made of personal columns and says only how many people there are."""


PLANTED = {
    "firstName": "Qzxfirst", "lastName": "Qzxlast", "gender": "Qzxgender", "level": "Qzxlevel",
    "location": "Qzxtown, QX", "userAgent": "Qzxbrowser/5.0", "registration": 1540918273645.0,
    "sessionId": 918273645001, "userId": "918273645002",
}  # fmt: skip
"""A value that stands nowhere else for each field of an event that says who a person is."""
PLAY = md5(b"918273645002|918273645001|0", usedforsecurity=False).hexdigest()
NEEDLES = [PLAY, "1540918273645", *(str(v) for k, v in PLANTED.items() if k != "registration")]


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Dagster's folder after a load with rejects, a failed day, and checks that fail."""
    folder = tmp_path_factory.mktemp("house")
    lake = TinyLake(folder / "lake")
    lake.put_song("a.json", song(title=TITLE))
    plays = [event(song=TITLE, itemInSession=item, **PLANTED) for item in range(20)]
    lake.put_log(log_key(GOOD), *plays, event(**PLANTED | {"ts": "never"}))
    lake.put_log(log_key(BAD), event(**PLANTED | {"itemInSession": "many"}), b'{"userId": "broken')
    environ = {"SPARKIFY_DUCKDB__PATH": str(folder / "warehouse.duckdb")}
    environ |= {
        "SPARKIFY_DAYS__LAST": "2018-11-30",
        "SPARKIFY_REPORT__PATH": str(folder / "p.html"),
    }
    definitions = build_definitions(
        load_settings(environ=environ, cwd=folder), {"lake": lake.resource()}
    )
    home = tmp_path_factory.mktemp("home")
    with dg.DagsterInstance.local_temp(str(home)) as instance:

        def run(job: str, **ops: object) -> bool:
            done = definitions.resolve_job_def(job).execute_in_process(
                instance=instance, raise_on_error=False, run_config=ops and {"ops": ops}
            )
            return done.success

        assert not run(LOAD_JOB, load_tables={"config": {"what": "changes"}}), "a day failed"
        with warehouse_at(folder / "warehouse.duckdb").transaction() as session:
            for name in ("user", "songplay", "sessions", "plays_by_place"):
                table = f'sparkify."{name}"'
                session.execute(f"INSERT INTO {table} SELECT * FROM {table}")
        run(CHECKS_JOB)
        failed = [
            name
            for name in ("user", "songplay", "sessions")
            if (check := instance.event_log_storage.get_latest_asset_check_execution_by_key(
                [key := dg.AssetCheckKey(dg.AssetKey(name), "unique_key")]
            ).get(key)) and check.status.value == "FAILED"
        ]  # fmt: skip
        assert failed == ["user", "songplay", "sessions"]
    return home


def test_no_personal_value_is_in_any_file_that_dagster_keeps(home: Path) -> None:
    kept = {path: path.read_bytes() for path in home.rglob("*") if path.is_file()}
    assert any(TITLE.encode() in data for data in kept.values()), "previews are kept there"
    found = {needle for needle in NEEDLES for data in kept.values() if needle.encode() in data}
    assert not found


def test_every_personal_field_of_an_event_is_planted() -> None:
    personal = {c.source.removeprefix("$.") for c in STAGING_EVENTS.columns if c.personal}
    assert personal == PLANTED.keys()


def test_what_is_made_of_a_personal_column_is_personal_or_a_count() -> None:
    for name, table in TABLES.items():
        made = {
            column
            for column, origin in origins_of(name).items()
            for ref in origin.values
            if ref.table in TABLES and TABLES[ref.table].column(ref.column).personal
        }
        open_ones = {column for column in made if not table.column(column).personal}
        assert open_ones == COUNTED.get(name, set()), name


def test_a_column_is_personal_wherever_it_stands() -> None:
    personal: dict[str, set[bool]] = {}
    for table in TABLES.values():
        for column in table.columns:
            personal.setdefault(column.name, set()).add(bool(column.personal))
    mixed = {name for name, found in personal.items() if len(found) > 1}
    assert mixed == {"location"}, "an artist's is public"
    assert not TABLES["artist"].column("location").personal

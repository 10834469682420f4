"""What Redshift's COPY makes of each record by itself: what the contract says, or it is left to us.

A record that COPY refuses, or about which the load has doubts, goes to our reader. What remains
must be right as it is, but for the few cases that `docs/redshift.md` names.
"""

from __future__ import annotations

from typing import Any

import pytest

from sparkify_dagster.lake.snapshot import loaded_columns
from sparkify_dagster.model.ddl import column_list, create_incoming
from sparkify_dagster.model.staging import STAGING_EVENTS
from sparkify_dagster.pipeline.copy_load import INCOMING, doubts
from sparkify_dagster.warehouse.engine import CopyRefused, LakeObjects, Session
from sparkify_dagster.warehouse.redshift.warehouse import RedshiftWarehouse
from sparkify_dagster_tests.lakes import put
from sparkify_dagster_tests.pairs import Pair, SyncedLake
from sparkify_dagster_tests.record_cases import (
    EVENT,
    EVENT_CASES,
    EVENT_FIELDS,
    STREAMS,
    Outcome,
    RecordCase,
)

COLUMNS = loaded_columns(STAGING_EVENTS)
NAMES = [column.name for column in COLUMNS]
TAKEN_ALL_THE_SAME = {
    "a quoted double without a whole part rejects",
    "a quoted double without a fraction after its point rejects",
    "quoted leading zeros reject in a double column",
    "a lone surrogate in an unknown field rejects",
    "a lone surrogate in an unknown name rejects",
}
"""Rejected by our reader, taken by COPY: docs/redshift.md says so."""


@pytest.mark.parametrize("pair", ["redshift-s3"], indirect=True)
def test_what_copy_takes_of_a_record_is_what_the_contract_says(pair: Pair) -> None:
    lake, warehouse = pair.lake, pair.warehouse
    assert isinstance(lake, SyncedLake)
    assert isinstance(warehouse, RedshiftWarehouse)
    for number, case in enumerate(EVENT_CASES):
        put(lake.logs / f"{number}.json", case.raw + b"\n")
    lake.sync()
    wrong, taken = [], []
    with warehouse.looking() as session:
        for number, case in enumerate(EVENT_CASES):
            found = _copied(session, f"{lake.base}/log_data/{number}.json")
            if found is None:
                continue
            taken.append(case.name)
            if found != _wanted(case):
                wrong.append(case.name)
    assert set(wrong) == TAKEN_ALL_THE_SAME
    assert len(taken) > 50


@pytest.mark.parametrize("pair", ["redshift-s3"], indirect=True)
def test_copy_takes_a_stream_as_our_reader_does_or_leaves_it_to_it(pair: Pair) -> None:
    lake, warehouse = pair.lake, pair.warehouse
    assert isinstance(lake, SyncedLake)
    assert isinstance(warehouse, RedshiftWarehouse)
    for number, case in enumerate(STREAMS):
        put(lake.logs / f"{number}.json", case.of(EVENT.line()))
    lake.sync()
    with warehouse.looking() as session:
        for number, case in enumerate(STREAMS):
            rows = _copied(session, f"{lake.base}/log_data/{number}.json")
            assert (rows is None) == bool(case.rejected), case.name
            assert rows is None or len(rows) == len(case.good)


def _wanted(case: RecordCase) -> list[tuple[Any, ...]]:
    return [case.row] if case.outcome is Outcome.ACCEPTED else []


def _copied(session: Session, uri: str) -> list[tuple[Any, ...]] | None:
    """The rows COPY makes of an object; None where it is left to our reader."""
    session.execute("BEGIN")
    try:
        session.execute(create_incoming(INCOMING, COLUMNS))
        objects = LakeObjects((uri,), False, tuple(EVENT_FIELDS), "us-west-2")
        session.copy(INCOMING, NAMES, objects)
        if session.query(doubts(COLUMNS))[0][0]:
            return None
        return session.query(f"SELECT {column_list(NAMES)} FROM {INCOMING}")
    except CopyRefused:
        return None
    finally:
        session.execute("ROLLBACK")

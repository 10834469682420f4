"""`sparkify doctor --deep`: every statement of a load is tried on the cluster, and nothing stays."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from sparkify_dagster.pipeline import deep_check
from sparkify_dagster.pipeline.deep_check import DeepCheck, Refusal, check_deeply
from sparkify_dagster.warehouse.engine import Transient
from sparkify_dagster_tests.integration.cli_process import sparkify
from sparkify_dagster_tests.integration.test_redshift_trouble import Place
from sparkify_dagster_tests.lakes import event, lines, log_key, put, song
from sparkify_dagster_tests.redshift_double import Double
from sparkify_dagster_tests.s3_server import S3Server

pytestmark = pytest.mark.integration

_OWN = re.compile(r'"t[0-9a-f]+"\."(?:tried_by_doctor_[0-9a-f]{8}_)?')
_LITERAL = re.compile(r"'(?:[^']|'')*'(?:::\w[\w ]*)?|\bNULL\b|(?<![\w\"])-?\d+(?:\.\d+)?\b")
_LIST = re.compile(r"\?(?:, ?\?)+")
_OF_TRANSACTIONS = re.compile(r"BEGIN|COMMIT|ROLLBACK|SET ")


@pytest.fixture
def place(double: Double, s3: S3Server, tmp_path: Path) -> Iterator[Place]:
    yield Place(double, s3, tmp_path)
    double.faults.clear()


def deeply(place: Place) -> DeepCheck:
    """The check, after which nothing of it is there."""
    try:
        return check_deeply(place.warehouse, "")
    finally:
        with place.double.behind() as connection, connection.cursor() as cursor:
            cursor.execute("SELECT relname FROM pg_class WHERE relname LIKE 'tried_by_doctor%'")
            assert cursor.fetchall() == []
        assert place.s3.keys(f"{place.lake.base}/_staging") == []


def refused(found: DeepCheck) -> dict[str, list[Refusal]]:
    return {tried.name: tried.refused for tried in found.stages if tried.refused}


def shape(statement: str) -> str:
    """A statement without what differs from load to load: names of tables, and literals."""
    text = _OWN.sub('"s"."', statement.removeprefix("EXPLAIN "))
    text = _LIST.sub("?", _LITERAL.sub("?", text))
    return re.sub(r"\(\?\)(?:, ?\(\?\))+", "(?)", " ".join(text.split()))


def shapes(double: Double) -> dict[str, str]:
    """The shapes of what was sent since the last `forget`, each with a statement of it."""
    return {shape(text): text for text in double.statements() if not _OF_TRANSACTIONS.match(text)}


def test_every_statement_of_real_loads_was_tried_before(place: Place) -> None:
    place.double.forget()
    assert refused(deeply(place)) == {}
    tried = shapes(place.double)
    place.double.forget()
    for change in (
        lambda: None,
        lambda: None,  # Nothing changed: a look.
        lambda: place.deliver(1, event(sessionId=9)),
        lambda: place.lake.put_song("0.json", song(song_id="SO0", title="T2")),
        lambda: put(place.lake.logs / log_key("2018-11-04"), lines(event()) * 12 + b'{"a": \n'),
        lambda: put(place.lake.logs / log_key("2018-11-03"), b"{"),
        lambda: (place.lake.songs / "1.json").unlink(),
    ):
        change()
        place.load()
    missed = {text for found, text in shapes(place.double).items() if found not in tried}
    assert missed == set()

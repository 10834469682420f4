"""What a statement says of where its columns come from, and how the statements join up.

Whether it is true of data stands in `properties/test_lineage_data.py`.
"""

from __future__ import annotations

from datetime import date

import dagster as dg
import pytest
from sqlglot.errors import SqlglotError

from sparkify_dagster.defs import assets as specs
from sparkify_dagster.defs import instance as launch
from sparkify_dagster.defs.assets import log_days
from sparkify_dagster.lineage import lineage_graph
from sparkify_dagster.lineage.graph import LAKE, above, below, edges, followed, known_tables
from sparkify_dagster.lineage.origin import Ref
from sparkify_dagster.lineage.select import origins
from sparkify_dagster.lineage.words import column_map, grouped
from sparkify_dagster.model.catalog import TABLES
from sparkify_dagster.model.ledger import LEDGER
from sparkify_dagster.model.matching import MATCHING
from sparkify_dagster.model.table import Column, Layer, Table, Type
from sparkify_dagster.settings import Settings


def _table(name: str, *columns: str) -> Table:
    of = tuple(Column(column, Type.INTEGER, "") for column in columns)
    return Table(name, Layer.STAR, "", of, key=columns[:1])


FACT, SIDE = _table("f", "id", "a", "b", "c"), _table("s", "id", "x", "y")


def said(sql: str) -> dict[str, tuple[str, str]]:
    """The values and the deciders of each column, as words."""
    found = origins(sql, {"f": FACT, "s": SIDE})
    return {
        name: tuple(" ".join(map(str, sorted(refs))) for refs in (each.values, each.decides))  # type: ignore[misc]
        for name, each in found.items()
    }


FIRST = "ROW_NUMBER() OVER (PARTITION BY f.a ORDER BY f.b, f.c || CHR(1)) AS choice"
CASES = {
    "an expression is made of what it reads": (
        "SELECT f.a + f.b AS n, CASE WHEN f.c = 1 THEN 'x' END AS k, 1 AS one FROM f",
        {"n": ("f.a f.b", ""), "k": ("f.c", ""), "one": ("", "f.id")},
    ),
    "a condition decides about every column": (
        "SELECT f.a FROM f WHERE f.b = 1 AND (f.c = 2 OR f.id = 3)",
        {"a": ("f.a", "f.b f.c f.id")},
    ),
    "what is joined decides from both sides": (
        "SELECT f.a, s.x FROM f JOIN s ON s.y = f.b",
        {"a": ("f.a", "f.b s.y"), "x": ("s.x", "f.b s.y")},
    ),
    "what is looked up by its key decides about itself alone": (
        "SELECT f.a, s.x FROM f LEFT JOIN s ON s.id = f.b",
        {"a": ("f.a", ""), "x": ("s.x", "f.b s.id")},
    ),
    "what is looked up by something else may multiply rows": (
        "SELECT f.a, s.x FROM f LEFT JOIN s ON s.y = f.b",
        {"a": ("f.a", "f.b s.y"), "x": ("s.x", "f.b s.y")},
    ),
    "a key held against a column of its own side is no key": (
        "SELECT f.a FROM f LEFT JOIN s ON s.id = s.x AND s.y = f.b",
        {"a": ("f.a", "f.b s.id s.x s.y")},
    ),
    "what finds nothing can be asked for": (
        "SELECT f.a FROM f LEFT JOIN s ON s.id = f.b WHERE s.x IS NULL",
        {"a": ("f.a", "f.b s.id s.x")},
    ),
    "groups decide, and what is counted is made of nothing": (
        "SELECT f.a, COUNT(*) AS n, SUM(f.b) AS b FROM f GROUP BY f.a HAVING MAX(f.c) > 1",
        {"a": ("f.a", "f.c"), "n": ("", "f.a f.c"), "b": ("f.b", "f.a f.c")},
    ),
    "what is grouped by is a key": (
        "WITH g AS (SELECT s.y, MAX(s.x) AS x FROM s GROUP BY s.y) "
        "SELECT f.a, g.x FROM f LEFT JOIN g ON g.y = f.b",
        {"a": ("f.a", ""), "x": ("s.x", "f.b s.y")},
    ),
    "a key goes through a query that takes its columns over": (
        "WITH g AS (SELECT s.id AS i, s.x FROM s WHERE s.y > 0) "
        "SELECT f.a, g.x FROM f LEFT JOIN g ON g.i = f.b",
        {"a": ("f.a", ""), "x": ("s.x", "f.b s.id s.y")},
    ),
    "of the first row each term is chosen by those before it": (
        f"SELECT r.a, r.b, r.c, r.id FROM (SELECT f.a, f.b, f.c, f.id, {FIRST} FROM f) AS r "
        "WHERE r.choice = 1",
        {
            "a": ("f.a", ""), "b": ("f.b", "f.a"), "c": ("f.c", "f.a f.b"),
            "id": ("f.id", "f.a f.b f.c"),
        },
    ),
    "the first row of each is a key": (
        f"SELECT s.x, r.c FROM s LEFT JOIN (SELECT f.a, f.c, {FIRST} FROM f) AS r "
        "ON r.choice = 1 AND r.a = s.y",
        {"x": ("s.x", ""), "c": ("f.c", "f.a f.b s.y")},
    ),
    "the first row asked for after an outer join is a condition like others": (
        f"SELECT s.x FROM s LEFT JOIN (SELECT f.a, f.c, {FIRST} FROM f) AS r "
        "ON r.a = s.y WHERE r.choice = 1",
        {"x": ("s.x", "f.a f.b f.c s.y")},
    ),
    "more than the first row hangs on the whole order": (
        f"SELECT r.a FROM (SELECT f.a, f.b, f.c, {FIRST} FROM f) AS r WHERE r.choice <= 2",
        {"a": ("f.a", "f.b f.c")},
    ),
    "a rank is made of its order": (
        "SELECT RANK() OVER (PARTITION BY f.a ORDER BY f.b) AS n FROM f",
        {"n": ("f.b", "f.a")},
    ),
    "a value beside is chosen by the order": (
        "SELECT LAG(f.c) OVER (PARTITION BY f.a ORDER BY f.b) AS before FROM f",
        {"before": ("f.c", "f.a f.b")},
    ),
    "distinct rows hang on every column": (
        "SELECT DISTINCT f.a, f.b FROM f",
        {"a": ("f.a", "f.b"), "b": ("f.b", "f.a")},
    ),
    "rows of two queries keep their own values": (
        "SELECT f.a AS v, f.b FROM f WHERE f.c = 1 UNION ALL SELECT s.x, s.y FROM s",
        {"v": ("f.a s.x", "f.c"), "b": ("f.b s.y", "f.c")},
    ),
    "distinct rows of two queries hang on all": (
        "SELECT f.a AS v, f.b FROM f UNION SELECT s.x, s.y FROM s",
        {"v": ("f.a s.x", "f.b s.y"), "b": ("f.b s.y", "f.a s.x")},
    ),
    "the first of some rows hang on their order": (
        "SELECT f.a FROM f ORDER BY f.b LIMIT 3",
        {"a": ("f.a", "f.b")},
    ),
    "an order alone decides nothing": ("SELECT f.a FROM f ORDER BY f.b", {"a": ("f.a", "")}),
    "a question within a condition decides, and so does what it reads outside": (
        "SELECT f.a FROM f WHERE EXISTS (SELECT 1 FROM s WHERE s.x = f.b)",
        {"a": ("f.a", "f.b s.x")},
    ),
    "rows of which nothing is read count all the same": (
        "SELECT s.x FROM s CROSS JOIN f",
        {"x": ("s.x", "f.id")},
    ),
    "so they do in a question within": (
        "SELECT f.a, (SELECT COUNT(*) FROM s) AS n FROM f",
        {"a": ("f.a", ""), "n": ("", "f.id s.id")},
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_of_a_statement(case: str) -> None:
    sql, wanted = CASES[case]
    assert said(sql) == wanted


@pytest.mark.parametrize("side", ["RIGHT", "FULL"])
def test_a_join_that_it_does_not_know_is_refused(side: str) -> None:
    with pytest.raises(ValueError, match="turn it into a LEFT JOIN"):
        said(f"SELECT f.a FROM f {side} JOIN s ON s.id = f.b")


def test_a_column_that_is_not_there_is_refused() -> None:
    with pytest.raises(SqlglotError, match="nowhere"):
        said("SELECT f.nowhere FROM f")


@pytest.mark.parametrize("name", sorted({ref.table for ref in above()}))
def test_every_column_of_a_table_is_one_of_its_statement(name: str) -> None:
    found = [ref.column for ref in above() if ref.table == name]
    assert found == list(TABLES[name].column_names)


def test_the_song_of_a_play_comes_from_the_catalogue_and_is_found_by_the_names() -> None:
    found = followed(Ref("songplay", "song_id"), above())
    fields = {kind: [r for r in refs if r.table in LAKE.values()] for kind, refs in (
        ("values", found.values), ("decides", found.decides))}  # fmt: skip
    assert grouped(fields["values"]) == "song_data.song_id"
    assert grouped(fields["decides"]) == (
        "song_data: artist_name, title, duration; "
        "log_data: artist, itemInSession, length, page, sessionId, song, ts, userId"
    )


def test_no_tie_breaker_decides_about_what_stands_before_it() -> None:
    level = above()[Ref("songplay", "level")].decides
    assert Ref("staging_events_table", "song") in level
    assert Ref("staging_events_table", "location") not in level
    assert Ref("staging_events_table", "user_agent") not in level


def test_every_value_of_the_star_leads_to_the_lake_or_to_the_name_of_an_object() -> None:
    for ref in above():
        if TABLES[ref.table].layer is Layer.STAR:
            roots = [
                r for r in followed(ref, above()).values if r not in above().keys() - _leaves()
            ]
            assert roots, ref


def _leaves() -> set[Ref]:
    return {ref for ref, origin in above().items() if not origin.all}


def test_down_is_up_the_other_way() -> None:
    for ref in above():
        for source in above()[ref].values:
            assert ref in below()[source].values
    goes = followed(Ref("log_data", "song"), below())
    assert Ref("plays_by_song", "title") in goes.values
    assert Ref("songplay", "song_id") in goes.decides


def test_the_graph_is_plain_and_whole() -> None:
    graph = lineage_graph()
    ids = [node["id"] for node in graph["nodes"]]
    assert len(set(ids)) == len(ids)
    assert ids[0] == "song_data.num_songs"
    assert {end for edge in graph["edges"] for end in (edge["from"], edge["to"])} <= set(ids)
    assert len({(edge["from"], edge["to"]) for edge in graph["edges"]}) == len(edges())
    assert {node["layer"] for node in graph["nodes"]} == {
        "lake",
        "staging",
        "star",
        "mart",
        "ledger",
    }
    assert {"from": "song_data.title", "to": "staging_songs_table.title", "kind": "value"} in (
        graph["edges"]
    )


def test_the_places_of_the_lake_are_assets() -> None:
    days = log_days(date(2018, 11, 1), date(2018, 11, 2))
    names = (specs.SONG_DATA, specs.LOG_DATA, specs.LOG_JSONPATH)
    places = {
        spec.key.to_user_string() for spec in specs.source_specs(dict.fromkeys(names, "x"), days)
    }
    assert set(LAKE.values()) <= places


def _specs(*, with_lineage: bool) -> dict[str, dg.AssetSpec]:
    days = log_days(date(2018, 11, 1), date(2018, 11, 2))
    made = specs.table_specs("duckdb", "s", "w.duckdb", days, with_lineage=with_lineage)
    return {spec.key.to_user_string(): spec for spec in made}


def test_dagster_is_told_of_the_columns_each_is_made_of() -> None:
    made = _specs(with_lineage=True)
    told = made["songplay"].metadata["dagster/column_lineage"].deps_by_column
    sources = ("song", "staging_songs_table")  # By an alias, or by its names.
    assert told["song_id"] == [dg.TableColumnDep(dg.AssetKey(name), "song_id") for name in sources]
    events = made["staging_events_table"].metadata["dagster/column_lineage"].deps_by_column
    assert events["user_id"] == [dg.TableColumnDep(dg.AssetKey("log_data"), "userId")]
    assert events["line"] == []
    for spec in made.values():
        assert "| column | comes from" in spec.metadata["column_map"].value


def test_who_loads_does_not_wait_for_lineage(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[bool] = []

    def build(settings: Settings, *, with_lineage: bool) -> None:
        asked.append(with_lineage)
        raise InterruptedError

    monkeypatch.setattr(launch, "build_definitions", build)
    with pytest.raises(InterruptedError):
        launch.run_load(Settings())
    assert asked == [False]
    assert "column_map" not in _specs(with_lineage=False)["songplay"].metadata


def test_the_column_map_says_once_what_decides_about_all() -> None:
    said = column_map("songplay").splitlines()
    assert said[0] == (
        "Which rows there are is decided by staging_events_table: "
        "item_in_session, page, session_id, user_id."
    )
    assert said[2] == "| column | comes from | also decided by |"
    assert "| start_time | staging_events_table.ts | staging_events_table.log_date |" in said
    assert len(said) == 4 + len(TABLES["songplay"].columns)


def test_the_column_map_of_staging_names_fields_and_what_is_no_field() -> None:
    said = column_map("staging_events_table").splitlines()
    assert said[0] == "| column | comes from |"
    assert "| first_name | log_data.firstName |" in said
    assert "| log_date | the object's name or path |" in said


def test_what_loads_write_themselves_has_no_lineage() -> None:
    assert not {table.name for table in LEDGER} & known_tables().keys()
    assert {table.name for table in MATCHING} <= known_tables().keys()

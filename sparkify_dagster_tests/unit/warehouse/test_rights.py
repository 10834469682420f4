"""What is done about rights follows from what is wanted, what we made and what is there."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pytest

from sparkify_dagster.analysis.answers import masked as masked_in_frames
from sparkify_dagster.model.access import ACCESS_RIGHTS, ROLES, Right, rights_of
from sparkify_dagster.model.catalog import GENERATION, KEPT, TABLES
from sparkify_dagster.model.ddl import LOAD_LOCK
from sparkify_dagster.model.marts import MARTS
from sparkify_dagster.model.star import STAR
from sparkify_dagster.model.table import Column, Type
from sparkify_dagster.warehouse.engine import WarehouseError
from sparkify_dagster.warehouse.rights import (
    Standing,
    Step,
    apply,
    decide,
    obstacles,
    planned,
    standing,
)
from sparkify_dagster.warehouse.schema import create_tables
from sparkify_dagster_tests.changed_model import ModelChange, altered, changed_model
from sparkify_dagster_tests.conformance.test_evolution import LABEL, document_of, fill
from sparkify_dagster_tests.lakes import TinyLake, bring_up_to_date, warehouse_at

ROLE = Right("role", "s_reader", "")
USAGE = Right("schema", "s_reader", "s", "USAGE")
SONG = Right("table", "s_reader", "song", "SELECT")
ALICE = Right("member", "s_reader", "user alice")
ALL = (ROLE, USAGE, SONG, ALICE)
WHY = "declared"
EVERY_TABLE = (*TABLES, LOAD_LOCK)


def steps(
    wanted: tuple[Right, ...], made: tuple[Right, ...] = (), there: tuple[Right, ...] = ()
) -> list[tuple[str, Right, str]]:
    now = Standing(made=frozenset(made), rights=frozenset(there))
    plan = decide(dict.fromkeys(wanted, WHY), now)
    return [(step.change, step.right, step.reason) for step in plan.steps]


def test_what_is_missing_is_given_in_an_order_in_which_each_finds_what_it_needs() -> None:
    assert steps(ALL[::-1]) == [("add", right, WHY) for right in ALL]


def test_nothing_is_done_where_all_is_there() -> None:
    assert steps(ALL, made=ALL, there=ALL) == []


def test_what_others_gave_is_neither_given_again_nor_ever_taken() -> None:
    assert steps(ALL, there=ALL) == []
    assert steps((), there=ALL) == []


def test_what_we_made_and_is_not_wanted_any_more_is_taken_in_the_opposite_order() -> None:
    gone = "no longer declared"
    assert steps((), made=ALL, there=ALL) == [("remove", right, gone) for right in ALL[::-1]]


def test_what_is_gone_is_given_again_or_struck_out_of_the_ledger() -> None:
    assert steps(ALL, made=ALL, there=(ROLE, USAGE, ALICE)) == [
        ("add", SONG, "was made before, and is gone")
    ]
    assert steps((ROLE,), made=(ROLE, SONG), there=(ROLE,)) == [("forget", SONG, "gone already")]
    assert Step("forget", SONG, "").statement("s") == ""


def test_users_compare_in_lower_case_as_redshift_folds_their_names() -> None:
    upper = Right("member", "s_reader", "user IAMR:Bi")
    lower = Right("member", "s_reader", "user iamr:bi")
    assert steps((upper,), there=(lower,)) == []
    assert steps((), made=(upper,), there=(lower,)) == [("remove", upper, "no longer declared")]


def test_a_role_stays_as_long_as_others_gave_it_something() -> None:
    theirs = Right("table", "s_reader", "load_history", "SELECT")
    now = Standing(made=frozenset({ROLE}), rights=frozenset({ROLE, theirs}))
    plan = decide({}, now)
    assert plan.steps == ()
    assert plan.notes == ("role s_reader stays: others gave it SELECT table load_history.",)


def test_names_are_quoted_whatever_is_in_them() -> None:
    odd = Right("member", 's"_reader', 'user o"neil; DROP')
    assert odd.statements("s")[0] == 'GRANT ROLE "s""_reader" TO "o""neil; DROP"'
    role = Right("member", "s_reader", "role role x")
    assert role.statements("s")[1] == 'REVOKE ROLE "s_reader" FROM ROLE "role x"'


def test_every_personal_column_that_a_reader_may_read_is_masked_for_readers_alone() -> None:
    rights = list(rights_of("s", ROLES, EVERY_TABLE, {}))
    masks = {r.what for r in rights if r.role == "s_reader" and r.kind == "mask"}
    shown = {r.what for r in rights if r.role == "s_reader" and r.kind == "table"}
    assert shown == {table.name for table in (*STAR, *MARTS)}
    assert masks == {f"{t}.{c.name}" for t in shown for c in TABLES[t].columns if c.personal}
    for right in rights:
        if right.kind == "mask":
            way = "mask" if right.role == "s_reader" else "clear"
            assert right.detail.startswith(f"s_{way}_")


@pytest.mark.parametrize("taken", [{}, {"user.gender": {100, 101, 200}}])
def test_no_two_policies_have_one_priority_on_a_column(taken: dict[str, set[int]]) -> None:
    rights = [r for r in rights_of("s", ROLES, EVERY_TABLE, taken) if r.kind == "mask"]
    found: dict[tuple[str, str], set[str]] = {}
    for right in rights:
        policy, priority = right.policy
        found.setdefault((right.what, priority), set()).add(policy)
        assert int(priority) not in taken.get(right.what, ())
    assert all(len(policies) == 1 for policies in found.values())
    hidden = {r.what: int(r.policy[1]) for r in rights if r.role == "s_reader"}
    clear = {r.what: int(r.policy[1]) for r in rights if r.role != "s_reader"}
    assert all(clear[what] > hidden[what] for what in hidden), "who may see clear does"


def test_raw_text_of_rejects_and_staging_are_for_keepers_and_loaders_alone() -> None:
    rights = list(rights_of("s", ROLES, EVERY_TABLE, {}))
    for table in ("load_rejects", "staging_events_table", "retired_events"):
        who = {r.role for r in rights if r.kind == "table" and r.what == table}
        assert who == {"s_keeper", "s_loader"}


def test_without_readers_there_are_no_masks() -> None:
    rights = rights_of("s", {"analyst"}, EVERY_TABLE, {})
    assert {right.kind for right in rights} == {"role", "schema", "table"}


def test_members_whom_nobody_knows_are_named_by_their_line() -> None:
    declared = {"reader": {"user Alice": "line 2", "role bi": "line 3"}}
    now = Standing(names=frozenset({"user alice"}))
    assert obstacles([], declared, now) == [
        "line 3: there is no role bi, or this login may not see it."
    ]


PERSON = (42, "Änn-Lee 3", "O'Ha\tra\x7f", "日本 🜚", None)


def test_duckdbs_masked_views_show_what_data_frames_show_and_come_and_go(tmp_path: Path) -> None:
    warehouse = warehouse_at(tmp_path / "w.duckdb")
    columns = [pa.array([value]) for value in PERSON[:4]] + [pa.array([None], pa.string())]
    with warehouse.transaction() as session:
        create_tables(session)
        rows = pa.Table.from_arrays(columns, list(TABLES["user"].column_names))
        session.append('"sparkify"."user"', rows.column_names, rows)
        apply(session, *planned(session, {"reader": {}}))
        assert planned(session, {"reader": {}})[0].steps == ()
        seen = session.query('SELECT * FROM masked."user"')
        assert seen == [tuple(masked_in_frames(column)[0].as_py() for column in columns)]
        create_tables(session, drop=True)
        assert planned(session, {"reader": {}})[0].steps == ()
        assert session.query('SELECT * FROM masked."user"') == []
        session.execute("CREATE VIEW masked.theirs AS SELECT 1 AS a")
        session.execute("DROP VIEW masked.song")
        apply(session, *planned(session, {"reader": {}}))
        assert session.query("SELECT COUNT(*) FROM masked.song") == [(0,)]
        apply(session, *planned(session, {}))
        plan, _ = planned(session, {})
        assert plan.steps == ()
        assert plan.notes == ("schema masked stays: others gave it view theirs.",)


NICK = Column("nick", Type.VARCHAR, "What friends say.", length=20, personal="names the person")


def test_what_is_personal_by_a_new_model_is_masked_with_the_load_that_brings_it(
    tmp_path: Path,
) -> None:
    lake, warehouse = TinyLake(tmp_path / "lake"), warehouse_at(tmp_path / "w.duckdb")
    fill(lake)
    bring_up_to_date(lake.open(), warehouse)
    warehouse.transact(lambda session: apply(session, *planned(session, {"reader": {}})))
    nick = ("r.level\nFROM", "r.level, CAST('Zed' AS VARCHAR(20)) AS nick\nFROM")
    clear = altered("song", "title", personal="names nobody, but who knows")
    with changed_model(LABEL, ModelChange("user", "nick", NICK, nick), clear):
        document_of(lake)
        warehouse.transact(lambda session: create_tables(session, evolves=KEPT))
        with warehouse.transaction() as session:
            plan, now = planned(session, {"reader": {}})
            assert "user: no longer as the model has it. What was given stays" in plan.notes[0]
            apply(session, plan, now)
            assert session.query('SELECT DISTINCT gender FROM masked."user"') == [("x",)]
        assert bring_up_to_date(lake.open(), warehouse).failed == set()
        with warehouse.reading() as session:
            assert planned(session, {"reader": {}})[0].steps == ()
            assert session.query('SELECT DISTINCT nick FROM masked."user"') == [("xxx",)]
            assert session.query("SELECT DISTINCT title FROM masked.song") == [("xxxxxxxx",)]


def test_a_column_that_is_called_personal_is_masked_when_the_star_is_published(
    tmp_path: Path,
) -> None:
    warehouse = warehouse_at(tmp_path / "w.duckdb")
    with warehouse.transaction() as session:
        create_tables(session)
        apply(session, *planned(session, {"reader": {}}))
        with changed_model(
            altered("song", "title", personal="names nobody"), generation=GENERATION
        ):
            assert planned(session, {"reader": {}})[0].steps != ()
            create_tables(session, evolves=STAR)
            assert planned(session, {"reader": {}})[0].steps == ()


def test_a_view_of_somebody_else_is_not_replaced(tmp_path: Path) -> None:
    warehouse = warehouse_at(tmp_path / "w.duckdb")
    with warehouse.transaction() as session:
        create_tables(session)
        session.execute("CREATE SCHEMA masked")
        session.execute("CREATE VIEW masked.song AS SELECT 1 AS a")
        with pytest.raises(WarehouseError, match="view song is there, and not by us"):
            planned(session, {"reader": {}})
        session.execute("DROP VIEW masked.song")
        apply(session, *planned(session, {"reader": {}}))
        apply(session, *planned(session, {}))
        made = [right for right in standing(session).rights if right.kind == "schema"]
        assert [right.what for right in made] == ["masked"], "the schema was there before us"
        assert session.query(f'SELECT * FROM "sparkify".{ACCESS_RIGHTS.name}') == []

"""Roles and rights on Redshift: who sees what, and that only what we made is ever taken away.

What belongs here: that the statements have the effect that is claimed, on what stands in for
Redshift. What is decided is `unit/warehouse/test_rights.py`'.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import psycopg2
import pyarrow as pa
import pytest
from psycopg2 import errors
from typer.testing import CliRunner

from sparkify_dagster.analysis.answers import masked
from sparkify_dagster.cli.app import app
from sparkify_dagster.model.access import ACCESS_RIGHTS
from sparkify_dagster.model.star import STAR, USER
from sparkify_dagster.settings.access import Declared
from sparkify_dagster.warehouse.engine import Warehouse, WarehouseError
from sparkify_dagster.warehouse.rights import Plan, Standing, apply, planned, standing
from sparkify_dagster.warehouse.schema import create_tables
from sparkify_dagster_tests.changed_model import ModelChange, changed_model
from sparkify_dagster_tests.pairs import cloud_lake, redshift_at
from sparkify_dagster_tests.redshift_double import Double
from sparkify_dagster_tests.s3_server import S3Server

pytestmark = pytest.mark.integration

ANN = (42, "Änn-Lee\t3", "O'Hara", "F", "paid")
HIDDEN = tuple(masked(pa.array([text]))[0].as_py() for text in ANN[1:])
USERS = ("alice", "bob", "carol", 'o"neil', "IAMR:Bi")
EVERYBODY: Declared = {
    "reader": {"user alice": "line 2", 'user o"neil': "line 3", "role bi": "line 4"},
    "analyst": {"user bob": "line 6"},
    "keeper": {"user carol": "line 8"},
}


@dataclass
class Access:
    """A warehouse with one person in it, and an administrator beside it."""

    double: Double
    warehouse: Warehouse

    @property
    def schema(self) -> str:
        return self.warehouse.schema

    def plan(self, declared: Declared = EVERYBODY) -> Plan:
        return self.warehouse.read_only(lambda session: planned(session, declared)[0])

    def apply(self, declared: Declared = EVERYBODY) -> None:
        self.warehouse.transact(lambda session: apply(session, *planned(session, declared)))

    def standing(self) -> Standing:
        return self.warehouse.read_only(standing)

    def fill(self) -> None:
        with self.warehouse.transaction() as session:
            names = list(USER.column_names)
            rows = pa.Table.from_arrays([pa.array([value]) for value in ANN], names)
            session.append(f'"{self.schema}"."user"', names, rows)

    def as_user(self, user: str, sql: str) -> list[tuple[Any, ...]]:
        """What somebody sees, over the wire."""
        given = {"host": self.double.host, "port": self.double.port, "dbname": "dev"}
        given |= {"user": user, "password": "Pw-1", "sslrootcert": str(self.double.ca_file)}
        with closing(psycopg2.connect(**given)) as connection, connection.cursor() as cursor:
            cursor.execute(sql.replace("S.", f'"{self.schema}".'))
            return list(cursor.fetchall())

    def admin(self, sql: str) -> None:
        """What an administrator does beside us, in Redshift's own words for roles."""
        with closing(self.double.behind()) as connection, connection.cursor() as cursor:
            cursor.execute(sql.replace("S.", f'"{self.schema}".'))


@pytest.fixture
def access(double: Double, s3: S3Server, tmp_path: Path) -> Iterator[Access]:
    warehouse = redshift_at(double, s3, cloud_lake(s3, tmp_path / "lake"))
    made = Access(double, warehouse)
    for user in USERS:
        double.allow_login(user, "Pw-1", user.lower())
    made.admin("DO $$ BEGIN CREATE ROLE bi; EXCEPTION WHEN duplicate_object THEN NULL; END $$")
    made.admin('GRANT "sys:secadmin", "sys:monitor" TO sparkify')
    warehouse.transact(create_tables)
    made.fill()
    yield made
    made.admin('REVOKE "sys:secadmin", "sys:monitor" FROM sparkify')


def test_a_reader_sees_personal_columns_masked_and_an_analyst_as_they_are(access: Access) -> None:
    access.apply()
    assert access.plan().steps == ()
    everything = 'SELECT * FROM S."user"'
    assert access.as_user("alice", everything) == [(None, *HIDDEN)]
    assert access.as_user('o"neil', everything) == [(None, *HIDDEN)]
    assert access.as_user("bob", everything) == [ANN]
    assert access.as_user("carol", everything) == [ANN]
    by_name = "SELECT u.gender FROM S.\"user\" AS u WHERE u.last_name = 'O''Hara'"
    assert access.as_user("alice", by_name) == []
    assert access.as_user("bob", by_name) == [("F",)]


def test_who_is_reader_and_analyst_sees_clear(access: Access) -> None:
    access.apply({"reader": {"user alice": ""}, "analyst": {"user alice": ""}})
    assert access.as_user("alice", 'SELECT * FROM S."user"') == [ANN]


def test_rejects_with_their_raw_text_are_the_keepers_alone(access: Access) -> None:
    access.apply()
    for user in ("alice", "bob"):
        with pytest.raises(errors.InsufficientPrivilege):
            access.as_user(user, "SELECT raw_text FROM S.load_rejects")
    assert access.as_user("carol", "SELECT raw_text FROM S.load_rejects") == []


def test_whoever_has_the_role_loader_writes_and_takes_the_lock(access: Access) -> None:
    access.apply({"loader": {"user carol": ""}})
    locked = "BEGIN; LOCK S.\"load_lock\"; INSERT INTO S.song_aliases VALUES ('a', 'b', 'c'); "
    asked = "SELECT COUNT(*) FROM S.song_aliases"
    assert access.as_user("carol", locked + asked) == [(1,)]


def test_rights_and_masks_come_back_with_tables_that_are_made_anew(access: Access) -> None:
    access.apply()
    access.warehouse.transact(lambda session: create_tables(session, drop=True))
    assert access.plan().steps == ()
    access.fill()
    assert access.as_user("alice", 'SELECT * FROM S."user"') == [(None, *HIDDEN)]
    assert access.as_user("bob", 'SELECT * FROM S."user"') == [ANN]


def test_a_column_that_goes_is_masked_as_long_as_it_is_there_and_a_new_one_at_once(
    access: Access,
) -> None:
    nick = replace(USER.column("level"), name="nick", accepted=())
    access.apply()
    with changed_model(ModelChange("user", "gender"), ModelChange("user", "nick", nick)):
        assert "user: no longer as the model has it" in access.plan().notes[0]
        access.apply()
        assert access.as_user("alice", 'SELECT gender FROM S."user"') == [("x",)]
        access.warehouse.transact(lambda session: create_tables(session, evolves=STAR))
        access.admin("UPDATE S.\"user\" SET nick = 'Zed'")
        assert access.as_user("alice", 'SELECT nick FROM S."user"') == [("xxx",)]
        assert access.as_user("bob", 'SELECT nick FROM S."user"') == [("Zed",)]
        assert access.plan().steps == ()


def test_a_right_that_somebody_took_away_is_given_again_and_says_so(access: Access) -> None:
    access.apply()
    role = f'"{access.schema}_reader"'
    access.admin(
        f"REVOKE SELECT ON S.song FROM {role}; REVOKE {role} FROM alice GRANTED BY sparkify"
    )
    assert {(s.change, s.right.what, s.reason) for s in access.plan().steps} == {
        ("add", "song", "was made before, and is gone"),
        ("add", "user alice", "was made before, and is gone"),
    }
    access.apply()
    assert access.plan().steps == ()


def test_what_is_not_declared_any_more_goes_and_what_others_gave_stays(access: Access) -> None:
    access.apply()
    reader = f"{access.schema}_reader"
    access.admin(f'GRANT SELECT ON S.load_history TO "{reader}"; GRANT "{reader}" TO carol')
    access.admin(
        "GRANT USAGE ON SCHEMA S. TO alice; GRANT SELECT ON S.song TO alice".replace(
            "S. ", f'"{access.schema}" '
        )
    )
    assert access.plan().steps == (), "what others gave is none of ours"
    access.apply({})
    done = access.plan({})
    assert done.steps == ()
    assert done.notes == (
        f"role {reader} stays: others gave it SELECT table load_history, member user carol.",
    )
    assert {right.what for right in access.standing().made} == {""}, "the role alone is left"
    assert access.as_user("alice", "SELECT COUNT(*) FROM S.song") == [(0,)]
    mine = access.standing().rights
    assert not [r for r in mine if r.role == f"{access.schema}_analyst" or r.kind == "mask"]


def test_a_mask_of_somebody_else_stays_and_ours_takes_another_priority(access: Access) -> None:
    access.admin("CALL pg_catalog.double_create_policy('theirs', 'v', 'VARCHAR(256)', '''?''')")
    theirs = "CALL pg_catalog.double_attach('theirs', 'S.\"user\"', 'gender', 'user', 'bob', 100)"
    access.admin(theirs)
    try:
        access.apply()
        assert access.plan().steps == ()
        assert [mask.policy for mask in access.standing().theirs] == [('"theirs"', "100")]
        assert "theirs of somebody else is on user.gender for user bob" in access.plan().notes[0]
        assert access.as_user("alice", 'SELECT gender FROM S."user"') == [("x",)]
        access.apply({})
        assert len(access.standing().theirs) == 1
    finally:
        access.admin("DELETE FROM pg_catalog.double_masks WHERE policy = 'theirs'")
        access.admin("DELETE FROM pg_catalog.double_policies WHERE name = 'theirs'")


def test_a_mask_of_somebody_else_for_our_role_is_an_obstacle_that_is_named(access: Access) -> None:
    access.apply({"reader": {}})
    access.admin("CALL pg_catalog.double_create_policy('theirs', 'v', 'VARCHAR(256)', '''?''')")
    try:
        access.admin(
            f"UPDATE pg_catalog.double_masks SET policy = 'theirs' WHERE name = 'gender' "
            f"AND grantee = '{access.schema}_reader'"
        )
        said = r"policy theirs of somebody else is on user\.gender for role \w+_reader.*DETACH it"
        with pytest.raises(WarehouseError, match=said):
            access.plan()
    finally:
        access.admin("DELETE FROM pg_catalog.double_masks WHERE policy = 'theirs'")
        access.admin("DELETE FROM pg_catalog.double_policies WHERE name = 'theirs'")


def test_members_whom_nobody_knows_are_named_with_their_line(access: Access) -> None:
    declared = {"reader": {"user nobody": "access.cfg, line 2", "role none": "access.cfg, line 3"}}
    with pytest.raises(WarehouseError) as refused:
        access.apply(declared)
    assert "access.cfg, line 2: there is no user nobody, or" in str(refused.value)
    assert "access.cfg, line 3: there is no role none, or" in str(refused.value)
    assert ACCESS_RIGHTS.name not in access.standing().tables


@pytest.mark.parametrize("role", ["sys:secadmin", "sys:monitor"])
def test_without_a_role_that_lets_us_see_and_mask_nothing_is_done(
    access: Access, role: str
) -> None:
    access.admin(f'REVOKE "{role}" FROM sparkify')
    with pytest.raises(WarehouseError, match=f'GRANT ROLE {role} TO "sparkify"'):
        access.apply({"analyst": {"user bob": ""}})


def test_tables_are_not_made_anew_where_they_could_not_be_masked(access: Access) -> None:
    access.apply()
    access.admin('REVOKE "sys:secadmin" FROM sparkify')
    with pytest.raises(WarehouseError, match="GRANT ROLE sys:secadmin"):
        access.warehouse.transact(lambda session: create_tables(session, drop=True))
    assert access.as_user("alice", 'SELECT * FROM S."user"') == [(None, *HIDDEN)]


def test_a_refused_statement_takes_back_all_of_it_and_is_named(access: Access) -> None:
    access.admin(f'CREATE ROLE "{access.schema}_analyst"')
    with pytest.raises(WarehouseError, match=r'statement: GRANT ROLE "\w+_analyst" TO "bob"'):
        access.apply()
    assert access.standing().made == frozenset()
    assert not [r for r in access.standing().rights if r.role == f"{access.schema}_reader"]


def test_a_policy_of_our_name_that_we_did_not_make_is_not_used(access: Access) -> None:
    named = f"{access.schema}_mask_bigint"
    access.admin(f"CALL pg_catalog.double_create_policy('{named}', 'v', 'BIGINT', 'v')")
    with pytest.raises(WarehouseError, match=rf"policy {named} is there, and not by us"):
        access.apply()


def test_the_command_plans_applies_and_shows_what_its_file_declares(
    access: Access, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    double = access.double
    text = f"""[CLUSTER]\nHOST={double.host}\nDB_PORT={double.port}\nDB_NAME={double.database}
DB_USER={double.user}\nDB_PASSWORD={double.password}\nSSLROOTCERT={double.ca_file}
[IAM_ROLE]\nARN={double.role}\n[LOAD]\nSCHEMA={access.schema}
[AWS]\nREGION=us-west-2\n[S3]\nLOG_DATA=s3://bucket/logs\nSONG_DATA=s3://bucket/songs\nLOG_JSONPATH=s3://bucket/paths.json\n"""
    (tmp_path / "dwh.cfg").write_text(text)
    (tmp_path / "access.cfg").write_text('[reader]\n"o""neil"\n')
    monkeypatch.chdir(tmp_path)

    def run(*words: str) -> Any:
        done = CliRunner().invoke(app, ["--config", "dwh.cfg", "access", *words, "--json"])
        assert done.exit_code == 0, done.output
        return json.loads(done.stdout)

    planned = run("plan")
    assert access.standing().made == frozenset(), "a plan changes nothing"
    assert {step["change"] for step in planned["steps"]} == {"add"}
    given = planned["steps"][-1]
    assert given["statement"] == f'GRANT ROLE "{access.schema}_reader" TO "o""neil"'
    assert given["reason"] == "access.cfg, line 2"
    assert run("apply") == planned
    assert run("plan") == {"steps": [], "notes": []}
    assert {"given_by": "us", "kind": "member", "what": 'user o"neil'}.items() <= max(
        run("status")["rights"], key=lambda right: right["kind"] == "member"
    ).items()

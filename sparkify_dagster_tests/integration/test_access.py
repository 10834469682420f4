"""Roles and rights on Redshift: who sees what, and that only what we made is ever taken away.

What belongs here: that the statements have the effect that is claimed, on what stands in for
Redshift. What is decided is `unit/warehouse/test_rights.py`'.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg2
import pyarrow as pa
import pytest
from psycopg2 import errors

from sparkify_dagster.analysis.answers import masked
from sparkify_dagster.model.access import ACCESS_RIGHTS
from sparkify_dagster.model.star import USER
from sparkify_dagster.warehouse.engine import Warehouse, WarehouseError
from sparkify_dagster.warehouse.rights import Declared, Plan, Standing, apply, planned, standing
from sparkify_dagster.warehouse.schema import create_tables
from sparkify_dagster_tests.pairs import cloud_lake, redshift_at
from sparkify_dagster_tests.redshift_double import Double
from sparkify_dagster_tests.s3_server import S3Server

pytestmark = pytest.mark.integration

ANN = (42, "Änn-Lee 3", "O'Hara", "F", "paid")
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
    made.admin('GRANT "sys:secadmin" TO sparkify')
    warehouse.transact(create_tables)
    made.fill()
    yield made
    made.admin('GRANT "sys:secadmin" TO sparkify')


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

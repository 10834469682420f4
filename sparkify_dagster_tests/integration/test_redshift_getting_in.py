"""What a person reads who gets into Redshift for the first time: the login, rights, `doctor`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from sparkify_dagster.warehouse.engine import WarehouseError
from sparkify_dagster.warehouse.redshift.probe import copy_logs, rights
from sparkify_dagster.warehouse.redshift.warehouse import RedshiftWarehouse
from sparkify_dagster_tests.lakes import log_key
from sparkify_dagster_tests.pairs import SyncedLake, cloud_lake, environment_of, redshift_at
from sparkify_dagster_tests.redshift_double import Double
from sparkify_dagster_tests.s3_server import S3Server

pytestmark = pytest.mark.integration


class Place:
    """An empty lake, and a schema's name on the double."""

    def __init__(self, double: Double, s3: S3Server, folder: Path) -> None:
        self.double = double
        self.s3 = s3
        self.lake: SyncedLake = cloud_lake(s3, folder / "lake")
        self.schema = f"t{abs(hash(folder)):x}"

    def opened(self, **changes: Any) -> RedshiftWarehouse:
        """The warehouse, with other settings where asked for."""
        made = redshift_at(self.double, self.s3, self.lake, self.schema, **changes)
        assert isinstance(made, RedshiftWarehouse)
        return made


@pytest.fixture
def place(double: Double, s3: S3Server, tmp_path: Path) -> Iterator[Place]:
    yield Place(double, s3, tmp_path)
    double.faults.clear()


# --------------------------------------------------------------------------------------------------
# What the server asks for, and libpq cannot give
# --------------------------------------------------------------------------------------------------

REQUESTS = {
    "a SHA-256 password": (13, bytes(28), "'sha256|…'"),
    "a token of an identity provider": (14, b"", "identity provider"),
    "Kerberos": (2, b"", "Kerberos"),
    "crypt": (4, b"ab", "crypt"),
    "credentials of a socket": (6, b"", "SCM"),
    "GSSAPI": (7, b"", "GSSAPI"),
    "SSPI": (9, b"", "GSSAPI"),
    "SASL by other mechanisms": (10, b"SCRAM-SHA-512\0\0", "SASL"),
    "what nobody knows yet": (99, b"", "method 99"),
}


@pytest.mark.parametrize("request_", REQUESTS)
def test_a_proof_that_the_driver_cannot_give_is_named_with_other_ways_to_log_in(
    place: Place, request_: str
) -> None:
    method, detail, named = REQUESTS[request_]
    place.double.allow_login("proven", place.double.password)
    place.double.demand("proven", method, detail)
    with pytest.raises(WarehouseError) as told, place.opened(db_user="proven").reading():
        pass
    said = str(told.value)
    assert "'proven'" in said
    assert named in said
    assert "psycopg2" in said
    assert all(way in said for way in ("PASSWORD", "SECRET_ARN", "CLUSTER_ID", "WORKGROUP"))
    assert "network lets" not in said
    assert place.double.password not in said


# --------------------------------------------------------------------------------------------------
# A password that is a part of what the server says
# --------------------------------------------------------------------------------------------------


def test_a_password_in_the_words_of_an_error_hides_it_and_changes_no_decision(
    place: Place,
) -> None:
    place.double.allow_login("short", "x")
    short = {"db_user": "short", "db_password": "x"}
    with place.opened(**short).transaction() as session:
        assert session.has_schema()
    with (
        pytest.raises(WarehouseError, match=r"does not e\*\*\*ist.*Check \[CLUSTER\] DB_NAME"),
        place.opened(db_name="nowhere", **short).reading(),
    ):
        pass


def test_records_that_copy_refuses_are_told_from_objects_it_cannot_read_whatever_the_password(
    place: Place,
) -> None:
    place.double.allow_login("loader", "load_error")
    place.lake.put_log(log_key("2018-11-01"), b"no record at all")
    uri = f"{place.lake.base}/log_data/{log_key('2018-11-01')}"
    place.lake.sync()
    warehouse = place.opened(db_user="loader", db_password="load_error")
    fields = place.lake.open().paths().fields
    assert copy_logs(warehouse, uri, fields, place.s3.region).endswith(f"reads {uri}")


# --------------------------------------------------------------------------------------------------
# Rights
# --------------------------------------------------------------------------------------------------


def test_an_iam_identity_without_rights_reads_the_statement_that_gives_them(place: Place) -> None:
    identity = "IAMR:sparkify-loader"
    place.double.allow_login(identity, place.double.password, as_role=identity)
    with place.double.behind() as connection, connection.cursor() as cursor:
        cursor.execute(f'CREATE SCHEMA "{place.schema}" AUTHORIZATION postgres')
    with pytest.raises(WarehouseError) as told:
        rights(place.opened(db_user=identity))
    step = f'ALTER SCHEMA "{place.schema}" OWNER TO "{identity}"'
    assert str(told.value).endswith(f"Let an administrator make it the owner: {step}.")


@pytest.mark.parametrize("of_environment", [False, True])
def test_a_user_who_may_make_no_schema_reads_the_statement_that_makes_it(
    place: Place, *, of_environment: bool
) -> None:
    place.double.allow_login("IAM:guest", place.double.password, as_role="IAM:guest")
    with place.double.behind() as connection, connection.cursor() as cursor:
        cursor.execute("REVOKE CREATE ON DATABASE dev FROM PUBLIC")
        cursor.execute("GRANT CREATE ON DATABASE dev TO sparkify")
    try:
        guest = place.opened(db_user="IAM:guest")
        with pytest.raises(WarehouseError) as told:
            environment_of(guest, makes=True).transact(str) if of_environment else rights(guest)
    finally:
        with place.double.behind() as connection, connection.cursor() as cursor:
            cursor.execute("GRANT CREATE ON DATABASE dev TO PUBLIC")
    schema = f"{place.schema}_env_ci" if of_environment else place.schema
    step = f'CREATE SCHEMA "{schema}" AUTHORIZATION "IAM:guest"'
    assert str(told.value).endswith(f"Let an administrator make it: {step}.")


@pytest.mark.parametrize("is_there", [False, True], ids=["no schema yet", "a schema"])
def test_doctor_tries_the_grants_of_a_load_on_a_table_of_the_schema_and_leaves_nothing(
    place: Place, is_there: bool
) -> None:
    with place.double.behind() as connection, connection.cursor() as cursor:
        cursor.execute(f'CREATE ROLE "r{place.schema}"')
        if is_there:
            cursor.execute(f'CREATE SCHEMA "{place.schema}" AUTHORIZATION sparkify')
    warehouse = place.opened(reader=f"r{place.schema}")
    place.double.forget()
    assert rights(warehouse).endswith("may be granted reading")
    granted = [text for text in place.double.statements() if text.startswith("GRANT")]
    assert [text.split(" TO ")[0] for text in granted] == [
        f'GRANT USAGE ON SCHEMA "{place.schema}"',
        f'GRANT SELECT ON TABLE "{place.schema}"."tried_by_doctor"',
    ]
    with warehouse.reading() as session:
        assert session.has_schema() is is_there
        assert session.tables() == {}


def test_a_reader_who_is_no_role_is_named_with_what_to_do(place: Place) -> None:
    with pytest.raises(WarehouseError, match=r"nobody_at_all.*CREATE ROLE"):
        rights(place.opened(reader="nobody_at_all"))

"""What a person reads who gets into Redshift for the first time: the login, rights, `doctor`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from sparkify_dagster.warehouse.engine import WarehouseError
from sparkify_dagster.warehouse.redshift.warehouse import RedshiftWarehouse
from sparkify_dagster_tests.pairs import SyncedLake, cloud_lake, redshift_at
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

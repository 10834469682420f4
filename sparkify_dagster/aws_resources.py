"""The resources of a platform on AWS: a lake in S3, a warehouse on Redshift, the client of both.

What belongs here: Dagster's view of them. Importing this module imports dagster-aws and boto3: do
it only when the settings point at AWS.
"""

# Without `from __future__ import annotations`: Dagster must see ResourceDependency as it stands.

from pathlib import Path
from typing import Any

import dagster as dg
from dagster_aws.s3 import S3Resource
from pydantic import SecretStr

from sparkify_dagster.aws import AwsAccess, AwsError
from sparkify_dagster.lake.queue import EventQueue
from sparkify_dagster.places import redshift_warehouse
from sparkify_dagster.resources import LakeResource, WarehouseResource
from sparkify_dagster.settings import ClusterSettings, load_settings
from sparkify_dagster.warehouse.engine import Warehouse


class LakeS3Resource(S3Resource):
    """dagster-aws's S3 resource, and a role to assume.

    Attributes:
        role_arn: Role to assume; blank: none.
    """

    role_arn: str = ""

    def access(self) -> AwsAccess:
        """The same way to AWS without Dagster.

        Raises:
            AwsError: A field is set that only plain clients honour.
        """
        if self.use_unsigned_session or not self.use_ssl or self.verify is False:
            raise AwsError(
                "AWS: use_unsigned_session, use_ssl=False and verify=False are not supported by "
                "the lake. Leave them as they are; for a look-alike set endpoint_url."
            )
        return AwsAccess(
            profile=self.profile_name or "",
            region=self.region_name or "",
            endpoint_url=self.endpoint_url or "",
            role_arn=self.role_arn,
            max_attempts=self.max_attempts,
            access_key_id=self.aws_access_key_id or "",
            secret_access_key=self.aws_secret_access_key or "",
            session_token=self.aws_session_token or "",
        )

    def get_client(self) -> Any:
        """A new boto3 client for S3: dagster-aws's own, or one that acts as the role.

        Raises:
            AwsError: There is a role and nobody to assume it.
        """
        return self.access().client("s3") if self.role_arn else super().get_client()


class S3LakeResource(LakeResource):
    """A lake of which a part or all is in S3."""

    s3: dg.ResourceDependency[LakeS3Resource]

    def queue(self) -> EventQueue | None:
        """Where events of the lake's buckets arrive; None where nothing tells of its changes."""
        return EventQueue(self.queue_url, self._access()) if self.queue_url else None

    def _access(self) -> AwsAccess:
        return self.s3.access()


class RedshiftResource(WarehouseResource):
    """A Redshift cluster or workgroup as the warehouse.

    The first fields are named as those of dagster-aws's `RedshiftClientResource`, which runs one
    statement per connection; the rest says how to log in and what COPY needs.

    Attributes:
        password: Give it as `dg.EnvVar`: what stands here in clear is seen in the UI. Blank: the
            settings are asked when a connection is opened.
        settings_file: The `dwh.cfg` to ask; blank for what the environment says.
        iam_role: ARN of the role with which COPY reads S3, or `default`.
        staging: S3 prefix for manifests and packed records.
        reader: Database role that is granted reading.
    """

    host: str
    port: int = 5439
    user: str = ""
    password: str = ""
    database: str = "dev"
    connect_timeout: int = 20
    sslmode: str = "verify-full"
    sslrootcert: str = ""
    statement_timeout: int = 3600
    secret_arn: str = ""
    cluster_id: str = ""
    workgroup: str = ""
    reader: str = ""
    iam_role: str
    staging: str
    schema_name: str = "sparkify"
    settings_file: str = ""
    s3: dg.ResourceDependency[LakeS3Resource]

    def open(self, run_id: str = "", lock_wait: float | None = None) -> Warehouse:
        """The warehouse; connects only when it is used."""
        return redshift_warehouse(
            ClusterSettings.model_validate(
                {
                    "host": self.host,
                    "db_name": self.database,
                    "db_user": self.user,
                    "db_port": self.port,
                    "secret_arn": self.secret_arn,
                    "cluster_id": self.cluster_id,
                    "workgroup": self.workgroup,
                    "sslmode": self.sslmode,
                    "sslrootcert": self.sslrootcert or None,
                    "connect_timeout": self.connect_timeout,
                    "statement_timeout": self.statement_timeout,
                    "reader": self.reader,
                }
            ),
            self._password,
            self.s3.access(),
            schema=self.schema_name,
            role=self.iam_role,
            staging=self.staging,
            label=f"sparkify:load:{run_id[:8]}",
        )

    def _password(self) -> str:
        if self.password:
            return self.password
        source = Path(self.settings_file) if self.settings_file else None
        held: SecretStr = load_settings(source).cluster.db_password
        return held.get_secret_value()

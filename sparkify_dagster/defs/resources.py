"""What the assets are given to work with: a warehouse, a lake, the bounds of a load, the report.

What belongs here: objects that hold sections of the settings and open what these name, and how
Dagster is shown them. Nothing is opened before an asset asks.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import dagster as dg
from pydantic import BaseModel, SecretStr

from sparkify_dagster.factory import limits_of, open_lake, open_queue, open_warehouse
from sparkify_dagster.lake.notifications import Watched
from sparkify_dagster.lake.snapshot import Lake
from sparkify_dagster.pipeline.loading import Limits
from sparkify_dagster.settings import LoadSettings, ReportSettings, Settings
from sparkify_dagster.warehouse.engine import Warehouse

if TYPE_CHECKING:
    from dagster_aws.s3 import S3Resource

    from sparkify_dagster.lake.queue import EventQueue


def tags_of(settings: Settings) -> dict[str, str]:
    """What tells the runs of an environment from those of production."""
    name = settings.warehouse.environment
    return {"sparkify/environment": name} if name else {}


@dataclass(frozen=True, slots=True)
class WarehouseResource:
    """Opens the warehouse the settings name."""

    settings: Settings

    def open(self, run_id: str = "", lock_wait: float | None = None) -> Warehouse:
        """The warehouse; connects only when it is used.

        Args:
            run_id: The Dagster run, to mark what is done for it.
            lock_wait: Seconds to wait for a writer, instead of what the settings say.
        """
        return open_warehouse(self.settings, lock_wait=lock_wait, label=label_of(run_id))


def label_of(run_id: str) -> str:
    """What marks a run's queries in Redshift's system views."""
    return f"sparkify:load:{run_id[:8]}"


@dataclass(frozen=True, slots=True)
class LakeResource:
    """Opens the lake the settings name.

    Attributes:
        s3: Makes the clients for a lake in S3; dagster-aws's own resource.
    """

    settings: Settings
    s3: S3Resource | None = None

    def queue(self) -> EventQueue | None:
        """Where events of the lake's buckets arrive; None where nothing tells of its changes."""
        return open_queue(self.settings)

    def watched(self) -> Watched:
        """The places of the lake whose events are ours."""
        return Watched(tuple(self.settings.s3.places.values()))

    def open(self) -> Lake:
        """The lake; listed and read only when it is used."""
        own_role = self.settings.aws.role_arn  # dagster-aws's resource assumes none.
        return open_lake(self.settings, self.s3.get_client if self.s3 and not own_role else None)


@dataclass(frozen=True, slots=True)
class PageResource:
    """Where the report is written, and whether each load writes it."""

    report: ReportSettings


@dataclass(frozen=True, slots=True)
class BoundsResource:
    """What bounds a load.

    Attributes:
        attempts: Loads of a part as it is, after which it is left alone.
    """

    load: LoadSettings
    attempts: int

    def limits(self) -> Limits:
        """The same for the loader."""
        return limits_of(self.load, self.attempts)


def s3_resource(settings: Settings) -> S3Resource:
    """dagster-aws's S3 resource, which reaches AWS as the settings say."""
    from dagster_aws.s3 import S3Resource

    aws = settings.aws
    return S3Resource(
        profile_name=aws.profile or None,
        region_name=aws.region or None,
        endpoint_url=aws.endpoint_url or None,
        max_attempts=aws.max_attempts,
    )


def fixed(held: object, shown: Iterable[BaseModel]) -> dg.ResourceDefinition:
    """A resource of which nothing can be said when a run is launched.

    Dagster's own class for resources lets the launch override every field, and the UI takes a
    launch from anybody who reaches it: a host given so would be sent the password.

    Args:
        shown: Sections whose settings the UI shows; what is secret in them stays out.
    """
    fields = {
        name: dg.Field(str, default_value=str(value), is_required=False)
        for section in shown
        for name, value in section
        if not isinstance(value, SecretStr) and value not in (None, "")
    }
    visible = dg.ResourceDefinition(
        lambda _: held, config_schema=fields, description=type(held).__doc__
    )
    return visible.configured(nothing_said, config_schema={})


def nothing_said(_: Any) -> dict[str, Any]:
    """The configuration of what takes none at launch."""
    return {}

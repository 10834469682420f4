"""What it costs: per hour, per month, and the most it can come to.

What belongs here: arithmetic on a dated table of prices. It asks nobody: AWS's own price list is
newer, and `--prices` takes its figures.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

from sparkify_dagster.cluster.template import ClusterError, resources
from sparkify_dagster.core.local_files import read_bounded

_HOURS, _DAYS = 730, 31
"""Hours of a month as AWS counts, and the most days one has."""


@dataclass(frozen=True, slots=True)
class Line:
    """One thing that costs.

    Attributes:
        hour: Dollars an hour while it works; None: it is not charged by the hour.
        month: Dollars a month: what it costs if it is never asleep, within its bounds.
    """

    what: str
    hour: float | None
    month: float


@dataclass(frozen=True, slots=True)
class Cost:
    """What a choice of parameters costs.

    Attributes:
        idle_month: Dollars of a month in which nothing is done.
        per_gb: Dollars a month for each GB of warehouse, and of lake; they have no bound.
        bound: Why no month can come to more than the lines say.
    """

    lines: tuple[Line, ...]
    idle_month: float
    per_gb: tuple[float, float]
    bound: str
    dated: str
    region: str

    @property
    def most_month(self) -> float:
        """Dollars of the dearest month, without storage."""
        return sum(line.month for line in self.lines)


def prices(own: Path | None = None) -> dict[str, Any]:
    """The table of prices, with the lines of a file of one's own before it.

    Raises:
        ClusterError: That file is no such table.
    """
    packaged = files("sparkify_dagster.cluster").joinpath("prices.toml").read_text("utf-8")
    table = tomllib.loads(packaged)
    if own is None:
        return table
    try:
        given = tomllib.loads(read_bounded(own).decode())
        for part in ("hour", "month"):
            table[part] |= {key: float(value) for key, value in given.get(part, {}).items()}
    except (ValueError, TypeError, AttributeError) as error:
        raise ClusterError(
            f"{own}: no table of prices ({error}). Write lines as in the packaged one, such as "
            "[hour] and below it rpu = 0.40."
        ) from None
    return table | {key: str(given.get(key, own.name)) for key in ("region", "dated")}


def cost(parameters: Mapping[str, str], table: Mapping[str, Any]) -> Cost:
    """What the parameters cost."""
    hour, month = table["hour"], table["month"]
    kinds = [resource.kind for resource in resources(parameters)]
    alarms = kinds.count("AWS::CloudWatch::Alarm")
    beside = (
        Line("key (KMS)", None, month["key"]),
        Line("administrator's secret", None, month["secret"]),
        Line(f"{alarms} alarms", None, alarms * month["alarm"]),
    )
    still = sum(line.month for line in beside)
    if parameters["Warehouse"] == "serverless":
        most, daily = int(parameters["MaxCapacity"]), int(parameters["DailyRpuHours"])
        used = Line(f"Redshift Serverless, {most} RPU awake", most * hour["rpu"],
                    min(daily, most * 24) * _DAYS * hour["rpu"])  # fmt: skip
        why = (
            f"queries are turned off after {daily} RPU-hours in a day (DailyRpuHours), and it "
            f"never grows beyond {most} RPU (MaxCapacity)"
        )
    else:
        kind, nodes = parameters["NodeType"], int(parameters["NodeCount"])
        used = Line(f"Redshift, {nodes} {kind}", nodes * hour[kind], nodes * hour[kind] * _HOURS)
        why = "nodes are charged by the hour until `sparkify cluster pause`, used or not"
        still += used.month
    per_gb = (month["warehouse_gb"], month["lake_gb"])
    return Cost((used, *beside), still, per_gb, why, table["dated"], table["region"])

"""What settings of several sections must be together.

What belongs here: rules that no section can hold by itself, each with its words.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

from sparkify_dagster.settings.catalogue import CONFIG_NAME, catalogue
from sparkify_dagster.settings.problems import Values, problem, shown
from sparkify_dagster.settings.sections import LakeSettings, Settings
from sparkify_dagster.settings.values import in_s3, is_local

_OTHER_LOGINS: Final = tuple(("CLUSTER", key) for key in ("SECRET_ARN", "CLUSTER_ID", "WORKGROUP"))
_USER, _PASSWORD, _ROLE = ("CLUSTER", "DB_USER"), ("CLUSTER", "DB_PASSWORD"), ("IAM_ROLE", "ARN")
_ELSE_DUCKDB: Final = "; or leave HOST blank to work on DuckDB"


def cluster_problems(given: Values, source: Path | None) -> Iterator[str]:
    """With a host, what the cluster needs besides: a login, a role, and a lake it can reach."""
    if ("CLUSTER", "HOST") not in given:
        return
    ways = [at for at in _OTHER_LOGINS if at in given]
    if ways and _PASSWORD in given:
        ways = [_PASSWORD, *ways]
    if len(ways) > 1:
        names = " and ".join(key for _, key in ways)
        step = "keep the one that fits your cluster, and blank the others"
        yield problem(given[ways[1]].where, f"{names} are both set", "one way to log in", step)
    for at in (_ROLE,) if ways else (_USER, _PASSWORD, _ROLE):
        if at not in given:
            info = catalogue()[at]
            where = f"{source or CONFIG_NAME}, section [{info.section}], key {info.key}"
            expected = f"{info.expected}, as HOST names a cluster"
            other = "" if at == _ROLE else " (or SECRET_ARN, CLUSTER_ID or WORKGROUP)"
            yield problem(where, "blank", expected, info.how_to_set + other + _ELSE_DUCKDB)
    for at, entry in given.items():
        if at[0] == "S3" and not entry.broken and is_local(entry.value):
            info = catalogue()[at]
            expected = "an s3:// URI, as HOST names a cluster and Redshift reads no local folder"
            step = info.how_to_set + _ELSE_DUCKDB
            yield problem(entry.where, shown(info, entry.value), expected, step)


def lake_problems(settings: Settings, given: Values) -> Iterator[str]:
    """Where a staging area or a queue does not go with the lake."""
    if settings.engine == "redshift" and (found := staging_problem(settings.s3)):
        info, at = catalogue()["S3", "STAGING"], given.get(("S3", "STAGING"))
        where = at.where if at else f"section [S3], key {info.key} (default)"
        expected = "a prefix of its own, such as s3://bucket/_sparkify_staging"
        yield problem(where, found, expected, info.how_to_set)
    if settings.s3.queue and not any(map(in_s3, settings.s3.places.values())):
        info, where = catalogue()["S3", "QUEUE"], given["S3", "QUEUE"].where
        found = "set, and no part of the lake is in S3"
        yield problem(where, found, "blank for a lake in folders", info.how_to_set)


def staging_problem(lake: LakeSettings) -> str | None:
    """Why the staging area may not lie where it does: what is in it is taken for ours, and removed.

    Below the logs or the songs it must be hidden, or its files were taken for data.
    """
    if not lake.staging_prefix:
        return None
    area = f"{lake.staging_prefix.rstrip('/')}/"
    for key, place in lake.places.items():
        data = f"{place.rstrip('/')}/"
        if data.startswith(area):
            return f"{key} lies in it"
        below = area.removeprefix(data)
        if below != area and not any(part[:1] in ("_", ".") for part in below.split("/")):
            return f"it lies in {key}, where its files would be taken for data"
    return None

"""The text of COPY and of the manifests it reads.

What belongs here: pure functions from what is to be copied to text. Sending it is `session`'s.
Source: Amazon Redshift, "COPY from JSON format", "Using a manifest to specify data files".
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Sequence

from sparkify_dagster.model.ddl import column_list, literal

AUTO = "auto"
"""Fields are named as the columns."""

LAST_COPY_QUERY = "SELECT pg_last_copy_count(), pg_last_copy_id()"
LOAD_ERRORS = (
    "SELECT TRIM(BOTH ' ' FROM e.file_name), e.line_number, "
    "TRIM(BOTH ' ' FROM e.column_name), TRIM(BOTH ' ' FROM e.error_message) "
    "FROM sys_load_error_detail AS e WHERE e.session_id = pg_backend_pid() "
    "AND e.start_time >= $since ORDER BY e.start_time DESC LIMIT 1"
)
"""What Redshift noted about the COPY of this session that failed last."""


def copy_text(
    relation: str,
    columns: Iterable[str],
    manifest: str,
    role: str,
    region: str,
    paths: str = AUTO,
    times: str = AUTO,
    packed: bool = False,
) -> str:
    """One COPY from S3. A record that does not fit fails all of it (MAXERROR 0).

    Args:
        relation: The table, as it stands in SQL.
        manifest: URI of the manifest.
        role: ARN of the role, several chained ones joined by commas, or `default`.
        region: Region of the buckets; blank for the cluster's own.
        paths: URI of a JSONPaths document, or `AUTO`.
        times: How times are written: `epochmillisecs` or `auto`.
        packed: The objects are gzip files.
    """
    lines = [
        f"COPY {relation} ({column_list(columns)})",
        f"FROM {literal(manifest)}",
        f"IAM_ROLE {role_text(role)}",
        f"FORMAT AS JSON {literal(paths)}",
        "MANIFEST",
        *(["GZIP"] if packed else []),
        *([f"REGION {literal(region)}"] if region else []),
        f"TIMEFORMAT {literal(times)}",
        "MAXERROR 0",
        "COMPUPDATE OFF",
        "STATUPDATE OFF",
    ]
    return "\n".join(lines)


def role_text(role: str) -> str:
    """A role as it stands behind IAM_ROLE."""
    return role if role == "default" else literal(role)


def manifest(uris: Iterable[str]) -> bytes:
    """A manifest of objects that must all be there: one that is not fails the COPY."""
    entries = [{"url": uri, "mandatory": True} for uri in uris]
    return json.dumps({"entries": entries}, ensure_ascii=False).encode()


def jsonpaths(fields: Sequence[str]) -> bytes:
    """A JSONPaths document for fields of one level, in the columns' order.

    Ours instead of the lake's: what was digested is what is used, and all in bracket notation, as
    COPY refuses a mixture.
    """
    paths = [f"$['{_escaped(name)}']" for name in fields]
    return json.dumps({"jsonpaths": paths}, ensure_ascii=False).encode()


def named(data: bytes, ending: str) -> str:
    """A name made of what is named, so that writing it twice does no harm."""
    return f"{hashlib.sha256(data).hexdigest()[:32]}.{ending}"


def _escaped(name: str) -> str:
    return name.replace("\\", "\\\\").replace("'", "\\'")

"""What a load took of the cluster, by Redshift's own history of our queries.

What belongs here: the question, and the sum. It is asked by label in `SYS_QUERY_HISTORY`, in which
each user sees their own queries; RPU-seconds stand in a view that only superusers may read.
"""

from __future__ import annotations

from dataclasses import dataclass

from sparkify_dagster.warehouse.engine import Session

LABEL_LENGTH = 30
"""Characters of a label that Redshift keeps."""

QUERIES_TAKEN = (
    "SELECT COUNT(*), COALESCE(SUM(q.execution_time), 0) / 1000000.0, "
    "EXTRACT(EPOCH FROM MAX(q.end_time)) - EXTRACT(EPOCH FROM MIN(q.start_time)) "
    "FROM sys_query_history AS q WHERE q.query_label = $label"
)
_LEAST_AWAKE = 60


@dataclass(frozen=True, slots=True)
class Usage:
    """What queries of one label took.

    Attributes:
        queries: How many.
        seconds: In which they were carried out.
        awake: From the first one's beginning to the last one's end.
    """

    queries: int
    seconds: float
    awake: float

    def dollars(self, hour: float) -> float:
        """An estimate: a workgroup is paid for while it is awake, a minute at least."""
        return max(self.awake, _LEAST_AWAKE) / 3600 * hour


def usage_of(session: Session, label: str) -> Usage | None:
    """What the queries of a label took; None where the history shows none.

    Raises:
        WarehouseError: The history may not be read. The transaction is over then.
    """
    queries, seconds, awake = session.query(QUERIES_TAKEN, {"label": label[:LABEL_LENGTH]})[0]
    return Usage(int(queries), float(seconds), float(awake or 0)) if queries else None

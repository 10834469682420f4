"""Log days as Dagster partitions.

Daily, never dynamic: dynamic partitions keep their keys in order of arrival, so that a range of
them is no range of days.
"""

from __future__ import annotations

from datetime import date, timedelta

import dagster as dg


def log_days(first: date, last: date | None) -> dg.DailyPartitionsDefinition:
    """One partition per log day, both ends included; `last` None goes on to today."""
    end = (last + timedelta(days=1)).isoformat() if last else None
    # Without the offset a day is no partition before it is over.
    return dg.DailyPartitionsDefinition(
        first.isoformat(), end_date=end, end_offset=0 if last else 1
    )

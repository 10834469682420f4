"""What checks of several transactions found, told as one."""

from __future__ import annotations

from sparkify_dagster.defs.checks import check_result, merged
from sparkify_dagster.model.checks import checks_of
from sparkify_dagster.pipeline.audit import Finding

(UNKNOWN,) = (c for c in checks_of("staging_events_table") if c.name == "no_unknown_fields")


def found(days: int, *fields: str) -> Finding:
    sample = tuple({"field": field} for field in fields)
    return Finding(UNKNOWN, not fields, {"offenders": len(fields), "parts": days}, sample)


def test_what_several_transactions_name_stands_in_the_sample_once() -> None:
    (one,) = merged([found(9, "appVersion"), found(9, "appVersion", "beta"), found(9)])
    assert not one.passed
    assert one.numbers == {"offenders": 3, "parts": 27}
    assert one.sample == ({"field": "appVersion"}, {"field": "beta"})
    description = check_result(one).description or ""
    assert description.endswith(" For example: `field appVersion`; `field beta`.")

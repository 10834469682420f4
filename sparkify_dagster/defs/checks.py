"""The model's checks as Dagster asset checks.

What belongs here: specs and results in Dagster's words. What is checked stands in `model.checks`,
asking in `pipeline.audit`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import dagster as dg

from sparkify_dagster.model.check import Check
from sparkify_dagster.model.checks import all_checks
from sparkify_dagster.pipeline.audit import Finding


def check_specs() -> list[dg.AssetCheckSpec]:
    """One spec per check of the model."""
    return [
        dg.AssetCheckSpec(
            check.name, asset=check.table, description=check.claim, blocking=check.blocking
        )
        for check in all_checks()
    ]


def check_key(check: Check) -> dg.AssetCheckKey:
    """The key under which Dagster knows a check."""
    return dg.AssetCheckKey(dg.AssetKey(check.table), check.name)


def severity(check: Check) -> dg.AssetCheckSeverity:
    """How bad it is when a check fails."""
    return dg.AssetCheckSeverity.WARN if check.warning else dg.AssetCheckSeverity.ERROR


def check_result(finding: Finding) -> dg.AssetCheckResult:
    """A finding as the result of an asset check."""
    return dg.AssetCheckResult(**_words(finding))


def check_evaluation(finding: Finding) -> dg.AssetCheckEvaluation:
    """The same as an event, for a check that was not among those the run was asked for."""
    return dg.AssetCheckEvaluation(**_words(finding), blocking=finding.check.blocking)


def merged(findings: Iterable[Finding]) -> list[Finding]:
    """Findings of several transactions, one per check: numbers summed, passed if all passed.

    What several of them name stands in the sample once.
    """
    by_check: dict[str, list[Finding]] = {}
    for finding in findings:
        by_check.setdefault(finding.check.name, []).append(finding)
    return [_merge(group) for group in by_check.values()]


def _merge(group: list[Finding]) -> Finding:
    names = group[0].numbers
    return Finding(
        group[0].check,
        all(finding.passed for finding in group),
        {name: sum(finding.numbers.get(name, 0) for finding in group) for name in names},
        _distinct(row for finding in group for row in finding.sample)[:5],
        any(finding.of_load for finding in group),
    )


def _distinct(rows: Iterable[Mapping[str, str]]) -> tuple[Mapping[str, str], ...]:
    return tuple({tuple(row.items()): row for row in rows}.values())


def _words(finding: Finding) -> dict[str, Any]:
    return {
        "asset_key": dg.AssetKey(finding.check.table),
        "check_name": finding.check.name,
        "passed": finding.passed,
        "severity": severity(finding.check),
        "description": finding.sentence,
        "metadata": _metadata(finding),
    }


def _metadata(finding: Finding) -> dict[str, dg.MetadataValue]:
    shown: dict[str, dg.MetadataValue] = {
        name: dg.MetadataValue.int(value) for name, value in finding.numbers.items()
    }
    if finding.sample:
        rows = [dg.TableRecord(dict(row)) for row in finding.sample]
        shown["sample"] = dg.MetadataValue.table(rows)
    if not finding.passed:
        shown["what_to_do"] = dg.MetadataValue.text(finding.check.remedy)
    return shown

"""`sparkify doctor --deep`: what a cluster says of every statement of a load, as lines.

What belongs here: a line for each stage of loads and for each refusal. Trying is
`pipeline.deep_check`'s.
"""

from __future__ import annotations

import time
from collections.abc import Iterator

from sparkify_dagster.cli.doctor_line import Line, State
from sparkify_dagster.cli.watching import watching
from sparkify_dagster.core.text import count, in_a_line
from sparkify_dagster.pipeline.deep_check import DeepCheck, Refusal, Tried, check_deeply
from sparkify_dagster.settings import Settings
from sparkify_dagster.warehouse.redshift.warehouse import RedshiftWarehouse

_SHOWN = 120


def lines_of(settings: Settings, warehouse: RedshiftWarehouse) -> Iterator[Line]:
    """A line for each stage, one for each statement that is refused, and one for all."""
    started = time.monotonic()
    with watching():
        found = check_deeply(warehouse, settings.aws.region)
    for tried in found.stages:
        yield _of_stage(tried)
        yield from (_of_refusal(tried, refusal) for refusal in tried.refused)
    yield _of_all(found, time.monotonic() - started)


def _of_stage(tried: Tried) -> Line:
    grave = [refusal for refusal in tried.refused if not refusal.is_optional]
    state: State = "failed" if grave else "warning" if tried.refused else "ok"
    said = [f"{tried.title}: {count(tried.sent, 'statement')} taken"]
    if tried.refused:
        said.append(f"{len(tried.refused)} refused")
    if tried.skipped:
        said.append(f"{tried.skipped} not looked at")
        state = state if grave else "not looked at"
    return Line(f"deep {tried.name}", state, ", ".join(said))


def _of_refusal(tried: Tried, refusal: Refusal) -> Line:
    state: State = "warning" if refusal.is_optional else "failed"
    found = f"{in_a_line(refusal.statement, _SHOWN)} is refused: {refusal.words}"
    name = f"deep {tried.name} {refusal.number}"
    return Line(name, state, found, refusal.step, refusal.statement)


def _of_all(found: DeepCheck, seconds: float) -> Line:
    sent = sum(tried.sent for tried in found.stages)
    refused = sum(len(tried.refused) for tried in found.stages)
    said = f"{count(sent, 'statement')} of loads taken, {refused} refused, in {seconds:.0f} s"
    if found.left_after:
        names = ", ".join(found.left_after)
        step = "tell us: a statement ended the transaction"
        return Line("deep", "failed", f"{said}. Rolled back, and yet there: {names}; dropped", step)
    left = f"; dropped {count(len(found.left_before), 'table')} of a check that died"
    return Line("deep", "ok", f"{said}; nothing of it is left{left if found.left_before else ''}")

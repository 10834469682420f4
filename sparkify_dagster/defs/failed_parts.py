"""What failed in a load, as metadata of the run's failure: which parts, why, how often.

What belongs here: writing it down and reading it again. Who tells people is `alerts`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

import dagster as dg

from sparkify_dagster.pipeline.events import FailedPart

_PARTS = "failed_parts"
_LONGEST = 600
"""Characters of a reason that are written; the failure itself has all of it."""


def failed_metadata(parts: Sequence[FailedPart]) -> dict[str, Any]:
    """The parts that failed."""
    written = [asdict(part) | {"reason": part.reason[:_LONGEST]} for part in parts]
    return {_PARTS: dg.MetadataValue.json(written)}


def failed_parts(metadata: Mapping[str, Any]) -> tuple[FailedPart, ...]:
    """The parts that failed, as a run has written them; none where another version ran."""
    found = metadata.get(_PARTS)
    if not isinstance(found, dg.JsonMetadataValue) or not isinstance(found.data, list):
        return ()
    try:
        return tuple(FailedPart(**part) for part in found.data)
    except TypeError:
        return ()

"""Records as JSON: which fields they have, as the model says, and how values are written.

Used for songs and events alike; what the values are is decided elsewhere.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from sparkify_dagster.model.staging import STAGING_EVENTS, STAGING_SONGS
from sparkify_dagster.model.table import Table


def _fields_of(table: Table) -> tuple[str, ...]:
    return tuple(c.source.removeprefix("$.") for c in table.columns if not c.audit)


# The fields of the objects that feed the staging tables, in the order of their columns.
SONG_FIELDS = _fields_of(STAGING_SONGS)
LOG_FIELDS = _fields_of(STAGING_EVENTS)


def encoded(values: Mapping[str, Sequence[Any]], colon: str) -> Iterator[tuple[str, ...]]:
    """For each row of values its fields (`"name":value`), encoded column by column."""
    return zip(*(_encoded(name, column, colon) for name, column in values.items()), strict=True)


def _encoded(name: str, values: Sequence[Any], colon: str) -> list[str]:
    # Line feeds within texts are escaped, so what parts two values parts nothing else.
    texts = json.dumps(values, separators=("\n", ":"))[1:-1].split("\n")
    return [f'"{name}"{colon}{text}' for text in texts]

"""What has a say in the tables besides lake and model: definitions, settings, and checks.

Each load notes those it went by, where they are others than before. A plan holds today's against
them, so that a change is named where it leads to something, and said to lead nowhere where it does.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping

from sparkify_dagster.lake.changes import NOTHING
from sparkify_dagster.model.catalog import STAGING, TABLES, own_version
from sparkify_dagster.model.checks import asked_of
from sparkify_dagster.model.ledger import CHECKS, DEFINITIONS, SETTINGS
from sparkify_dagster.model.marts import MARTS
from sparkify_dagster.model.staging import STAGING_EVENTS, STAGING_SONGS
from sparkify_dagster.model.star import SONGPLAY, STAR
from sparkify_dagster.settings import describe_settings
from sparkify_dagster.warehouse.ledger import Entry
from sparkify_dagster.warehouse.standing import Standing

_DECIDED = {
    "songs": (STAGING_SONGS.name,),
    "logs": (STAGING_EVENTS.name,),
    "lake": (STAGING_SONGS.name, STAGING_EVENTS.name),
    "plays": (SONGPLAY.name,),
}


def to_note(now: Standing, settings: Mapping[str, str]) -> list[Entry]:
    """The entries of the history that say by what a load goes, where that is news."""
    today = {CHECKS: {name: json.dumps(checks) for name, checks in _checks().items()}}
    today[DEFINITIONS] = {table.name: own_version(table.name) for table in (*STAR, *MARTS)}
    today[SETTINGS] = dict(settings)
    return [
        Entry(target, part, "published", NOTHING, message=text)
        for target, parts in today.items()
        for known in [now.noted(target)]
        for part, text in parts.items()
        if known.get(part) != text
    ]


def changed_definitions(now: Standing) -> dict[str, bool]:
    """By table, whether its own key or SQL changed since the last load, where that is known."""
    return {
        name: own_version(name) != was
        for name, was in now.noted(DEFINITIONS).items()
        if name in TABLES
    }


def changed_checks(now: Standing) -> dict[str, list[str]]:
    """By table, which checks are others than those that the last load asked, in words."""
    known = {table: json.loads(text) for table, text in now.noted(CHECKS).items()}
    today = _checks()
    return {name: [*_differing(known[name], today[name])] for name in today if name in known}


def changed_settings(now: Standing, settings: Mapping[str, str]) -> dict[str, list[str]]:
    """By table, which settings that decide what it holds are others than in the last load."""
    known, found = now.noted(SETTINGS), dict[str, list[str]]()
    for info in describe_settings():
        before, value = known.get(info.name), settings.get(info.name)
        if info.decides and None not in (before, value) and before != value:
            for table in _DECIDED[info.decides]:
                said = f"{info.name} is {value or 'blank'}, was {before or 'blank'}"
                found.setdefault(table, []).append(said)
    return found


def _checks() -> dict[str, dict[str, str]]:
    return {table.name: asked_of(table.name) for table in (*STAGING, *STAR, *MARTS)}


def _differing(before: Mapping[str, str], now: Mapping[str, str]) -> Iterator[str]:
    for name, question in now.items():
        if name not in before:
            yield f"check {name} is new"
        elif before[name] != question:
            yield f"check {name} asks otherwise"
    for name in before:
        if name not in now:
            yield f"check {name} is gone"

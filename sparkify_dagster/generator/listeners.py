"""The listeners: who they are, how active, free or paid at the start, and on what devices.

Persons and their fixed JSON fragments only; what they do is in `events.py`.
"""

from dataclasses import dataclass
from datetime import date

import numpy as np

from sparkify_dagster.generator.dice import Bools, Dice, Floats, Ints, zipf_weights
from sparkify_dagster.generator.tracks import Fragments, fragments, quote
from sparkify_dagster.generator.words import (
    FIRST_NAMES,
    LAST_NAMES,
    US_CITIES,
    USER_AGENTS,
    metro_area,
)

MILLISECONDS_A_DAY = 86_400_000
DEVICES = 2
_EPOCH = date(1970, 1, 1).toordinal()
_EVENTS_PER_LISTENER = 80
_EVENTS_PER_LISTENER_AND_DAY = 20
_LEAST, _MOST = 10, 200_000
_PAID = 0.23
# Paid listeners come more often (and stay longer, see events.py).
_PAID_ACTIVITY = 2.0
_VISITORS_IN = 25


@dataclass(frozen=True)
class Listeners:
    """The listeners by number; one more entry, the last, is "nobody" (logged out).

    Attributes:
        count: Number of listeners, nobody not included.
        activity: Relative number of sessions, one per listener.
        paid: Who starts on the paid level, one per listener.
        visitors: Who never plays a song, one per listener.
        before_item, before_length: Fragments, one per listener and nobody.
        before_method: Fragments, two per listener and nobody: at 2 * i free, 2 * i + 1 paid.
        before_session: Fragments, one per listener and nobody.
        endings: Fragments, DEVICES per listener and nobody.
    """

    count: int
    activity: Floats
    paid: Bools
    visitors: Bools
    before_item: Fragments
    before_length: Fragments
    before_method: Fragments
    before_session: Fragments
    endings: Fragments


def epoch_milliseconds(day: date) -> int:
    """The first millisecond (UTC) of a day, since 1970."""
    return (day.toordinal() - _EPOCH) * MILLISECONDS_A_DAY


def listener_count(events: int, days: int) -> int:
    """How many people make this many events in this many days without playing two songs at once."""
    wanted = max(events // _EVENTS_PER_LISTENER, events // (_EVENTS_PER_LISTENER_AND_DAY * days))
    return min(max(_LEAST, wanted), _MOST)


def make_listeners(events: int, days: int, start: date, seed: int) -> Listeners:
    """Invent the people behind `events` events over `days` days from `start`."""
    dice = Dice(seed, "listeners")
    count = listener_count(events, days)
    paid = dice.chance(count, _PAID)
    paid[:2] = [True, False]  # both kinds exist, however few there are
    visitors = np.arange(count) % _VISITORS_IN == 7
    activity = zipf_weights(count, 1.0 + 0.2 * count) * np.where(paid, _PAID_ACTIVITY, 1.0)
    genders, firsts, lasts = _make_names(count, dice)
    return Listeners(
        count=count,
        activity=activity,
        paid=paid,
        visitors=visitors,
        before_item=_before_item(firsts, genders),
        before_length=fragments(f',"lastName":{quote(name)},"length":' for name in [*lasts, None]),
        before_method=_before_method(count, dice),
        before_session=_before_session(count, start, dice),
        endings=_endings(count, dice),
    )


def _make_names(count: int, dice: Dice) -> tuple[list[str], list[str], list[str]]:
    genders = ["F" if woman else "M" for woman in dice.chance(count, 0.55).tolist()]
    firsts = dice.uniform(count).tolist()
    lasts = dice.below(count, len(LAST_NAMES)).tolist()
    names = [FIRST_NAMES[gender] for gender in genders]
    return (
        genders,
        [known[int(at * len(known))] for known, at in zip(names, firsts, strict=True)],
        [LAST_NAMES[at] for at in lasts],
    )


def _before_item(firsts: list[str], genders: list[str]) -> Fragments:
    known = [
        f',"auth":"Logged In","firstName":{quote(first)},"gender":"{gender}","itemInSession":'
        for first, gender in zip(firsts, genders, strict=True)
    ]
    nobody = ',"auth":"Logged Out","firstName":null,"gender":null,"itemInSession":'
    return fragments([*known, nobody])


def _before_method(count: int, dice: Dice) -> Fragments:
    firsts, seconds = dice.below(count, len(US_CITIES)), dice.below(count, len(US_CITIES))
    sizes = dice.below(count, 2) + 1
    areas = map(metro_area, firsts.tolist(), seconds.tolist(), sizes.tolist())
    places = [*map(quote, areas), "null"]
    return fragments(
        f',"level":"{level}","location":{place},"method":'
        for place in places
        for level in ("free", "paid")
    )


def _before_session(count: int, start: date, dice: Dice) -> Fragments:
    """Everyone registered in the 90 days before the lake starts."""
    ages: Ints = dice.below(count, 90 * MILLISECONDS_A_DAY)
    times = (epoch_milliseconds(start) - 1 - ages).tolist()
    known = [f'{time}.0,"sessionId":' for time in times]
    return fragments([*known, 'null,"sessionId":'])


def _endings(count: int, dice: Dice) -> Fragments:
    agents = dice.below(count * DEVICES, len(USER_AGENTS)).tolist()
    # User ids have gaps and no order, as if some people had left.
    ids = (dice.order(count + count // 10)[:count] + 2).tolist()
    known = [
        f',"userAgent":{quote(USER_AGENTS[agent])},"userId":"{ids[at // DEVICES]}"}}\n'
        for at, agent in enumerate(agents)
    ]
    return fragments([*known, *[',"userAgent":null,"userId":""}\n'] * DEVICES])

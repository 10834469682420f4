"""The listeners: who they are, how active, free or paid at the start, and on what devices.

Persons and what events say of them; what they do is in `events.py`.
"""

from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np

from sparkify_dagster.generator.rng import Bools, Floats, Ints, stream, zipf
from sparkify_dagster.generator.words import metro_areas, words

MILLISECONDS_A_DAY = 86_400_000
_EPOCH = date(1970, 1, 1).toordinal()
_EVENTS_PER_LISTENER = 80
_EVENTS_PER_LISTENER_AND_DAY = 20
_LEAST, _MOST = 10, 200_000
_WOMEN = 0.55
_PAID = 0.23
# Paid listeners come more often (and stay longer, see events.py).
_PAID_ACTIVITY = 2.0
_VISITORS_IN = 25
_REGISTERED_WITHIN = 90 * MILLISECONDS_A_DAY


@dataclass(frozen=True)
class Listeners:
    """The listeners by number; in some lists one more entry, the last, is "nobody" (logged out).

    Attributes:
        activity: Relative number of sessions, one per listener.
        paid: Who starts on the paid level, one per listener and nobody.
        visitors: Who never plays a song, one per listener and nobody.
        devices: Two numbers of user agents, per listener and nobody.
        values: For each field of an event that tells of a person a list, one value per listener and
            nobody.
    """

    activity: Floats
    paid: Bools
    visitors: Bools
    devices: Ints
    values: dict[str, list[Any]]

    @property
    def nobody(self) -> int:
        """The number of nobody; as many listeners there are."""
        return len(self.activity)


def epoch_milliseconds(day: date) -> int:
    """The first millisecond (UTC) of a day, since 1970."""
    return (day.toordinal() - _EPOCH) * MILLISECONDS_A_DAY


def make_listeners(events: int, days: int, start: date, seed: int) -> Listeners:
    """Invent the people behind `events` events over `days` days from `start`.

    There are enough of them that nobody has to play two songs at once.
    """
    rng = stream(seed, "listeners")
    wanted = max(events // _EVENTS_PER_LISTENER, events // (_EVENTS_PER_LISTENER_AND_DAY * days))
    count = min(max(_LEAST, wanted), _MOST)
    paid = rng.random(count + 1) < _PAID
    paid[:2] = [True, False]  # both kinds exist, however few there are
    paid[-1] = False
    agents = len(words().user_agents)
    devices = rng.integers(agents, size=(count + 1, 2))
    devices[-1] = agents
    return Listeners(
        activity=zipf(count, 1.0 + 0.2 * count) * np.where(paid[:-1], _PAID_ACTIVITY, 1.0),
        paid=paid,
        visitors=np.arange(count + 1) % _VISITORS_IN == 7,
        devices=devices,
        values=_make_people(count, start, rng),
    )


def _make_people(count: int, start: date, rng: np.random.Generator) -> dict[str, list[Any]]:
    women = rng.random(count) < _WOMEN
    firsts = np.where(women, rng.choice(words().women, count), rng.choice(words().men, count))
    ages = rng.integers(_REGISTERED_WITHIN, size=count)
    registered = (epoch_milliseconds(start) - 1 - ages).astype(float)
    # User ids have gaps and no order, as if some people had left.
    ids = rng.permutation(count + count // 10)[:count] + 2
    return {
        "auth": ["Logged In"] * count + ["Logged Out"],
        "firstName": [*firsts.tolist(), None],
        "lastName": [*rng.choice(words().families, count).tolist(), None],
        "gender": [*np.where(women, "F", "M").tolist(), None],
        "location": [*metro_areas(count, rng), None],
        "registration": [*registered.tolist(), None],
        "userId": [*map(str, ids.tolist()), ""],
    }

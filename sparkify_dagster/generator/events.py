"""What listeners do: sessions, pages, plays, changes of plan, all as columns of numbers.

Behaviour only. How an event looks as a line is in `lines.py`; broken and repeated events are in
`mess.py`.
"""

from dataclasses import dataclass
from enum import IntEnum

import numpy as np
import numpy.typing as npt

from sparkify_dagster.generator.listeners import (
    MILLISECONDS_A_DAY,
    Listeners,
    epoch_milliseconds,
)
from sparkify_dagster.generator.rng import Bools, Floats, Ints, pick, stream
from sparkify_dagster.generator.spec import LakeSpec
from sparkify_dagster.generator.tracks import Tracks


class Page(IntEnum):
    """The pages, numbered so that the paid twin of a plan page is two further on."""

    NEXT_SONG, HOME, LOGIN, LOGOUT, SETTINGS, SAVE_SETTINGS, HELP, ABOUT, ERROR = range(9)
    UPGRADE, SUBMIT_UPGRADE, DOWNGRADE, SUBMIT_DOWNGRADE = range(9, 13)


# Monday to Sunday, and hour 0 to 23 (UTC): how busy it is.
_WEEKDAYS = np.array([1.05, 1.15, 1.2, 1.15, 1.1, 0.62, 0.5])
_HOURS = np.array(
    [3.2, 2.7, 2.3, 2.0, 1.9, 2.0, 2.4, 3.0, 3.8, 4.4, 4.8, 5.2,
     5.6, 6.0, 6.6, 7.2, 7.8, 8.0, 7.6, 6.6, 5.8, 5.2, 4.6, 3.9]
)  # fmt: skip
_GROWTH = 0.25  # how much busier the last day is than the first

_ANONYMOUS_SESSIONS = 0.14
_FREE_MEDIAN, _FREE_MOST = 2.5, 60
_PAID_MEDIAN, _PAID_MOST = 7.0, 160
_VISIT_MOST, _ANONYMOUS_MOST = 4, 2

_OPENS_AT_HOME = 0.14
# How often a listener's event is each page; the rest are plays.
_DETOURS = {
    Page.HOME: 0.0070, Page.LOGOUT: 0.0070, Page.SETTINGS: 0.0060, Page.HELP: 0.0030,
    Page.ABOUT: 0.0020, Page.UPGRADE: 0.0050, Page.ERROR: 0.0012,
}  # fmt: skip
_VISITED = (Page.HOME, Page.HOME, Page.HOME, Page.SETTINGS, Page.HELP, Page.ABOUT)
_ANONYMOUS_PAGES = (Page.HOME, Page.HOME, Page.HOME, Page.LOGIN, Page.LOGIN, Page.ABOUT, Page.HELP)
_SAVES_SETTINGS = 0.4
_FREE_UPGRADES, _PAID_DOWNGRADES = 0.5, 0.15

_SKIPS = 0.12
_LONGEST_LOOK = 110_000  # milliseconds on a page
_SECOND_DEVICE = 0.12
# Listeners with more to do than this share of the lake's time hurry, so sessions never overlap.
_BUSIEST = 0.8

_Small = npt.NDArray[np.int32]


@dataclass(frozen=True)
class EventTable:
    """All events of the lake in order of time, one entry per event in every column.

    Attributes:
        times: Epoch milliseconds (UTC).
        listeners: Listener numbers, `Listeners.nobody` where nobody is logged in.
        agents: Numbers of user agents, the number after the last where nobody is logged in.
        paid: 1 if the level is paid, else 0.
        sessions, items: Session ids (from 1) and item numbers within them (from 0).
        pages: Values of `Page`.
        tracks: Indices into the tracks, `Tracks.none` except for NextSong.
    """

    times: Ints
    listeners: _Small
    agents: _Small
    paid: _Small
    sessions: _Small
    items: _Small
    pages: _Small
    tracks: _Small


@dataclass(frozen=True)
class _Sessions:
    """Sessions in order of (person, start); each anonymous session is a person of its own.

    `firsts` indexes each session's first event, `leading` the person's first session; `starts` are
    milliseconds since the lake's start; `of_event` has the session of each event.
    """

    listeners: Ints
    anonymous: Bools
    starts: Ints
    firsts: Ints
    leading: Ints
    of_event: Ints

    def __len__(self) -> int:
        return len(self.listeners)


def make_events(spec: LakeSpec, listeners: Listeners, tracks: Tracks) -> EventTable:
    """Let the listeners act until there are exactly `spec.events` events."""
    rng = stream(spec.seed, "events")
    sessions = _make_sessions(spec, listeners, rng)
    owners = sessions.of_event
    pages, logged_in = _make_pages(sessions, listeners, rng)
    paid = _follow_plans(pages, sessions, listeners, rng)
    chosen = np.full(len(owners), tracks.none)
    plays = pages == Page.NEXT_SONG
    chosen[plays] = tracks.play(int(plays.sum()), rng)
    times = _make_times(spec, sessions, tracks.milliseconds[chosen], rng)
    device = (rng.random(len(sessions)) < _SECOND_DEVICE).astype(np.int64)[owners]
    who = np.where(logged_in, sessions.listeners[owners], listeners.nobody)
    # Session ids count up from 1 in order of start.
    numbers = np.argsort(np.argsort(times[sessions.firsts], kind="stable")) + 1
    order = np.argsort(times, kind="stable")

    def small(column: npt.NDArray[np.generic]) -> _Small:
        return column[order].astype(np.int32)

    return EventTable(
        times=times[order] + epoch_milliseconds(spec.start),
        listeners=small(who),
        agents=small(listeners.devices[who, device]),
        paid=small(paid),
        sessions=small(numbers[owners]),
        items=small(np.arange(len(owners)) - sessions.firsts[owners]),
        pages=small(pages),
        tracks=small(chosen),
    )


def _make_sessions(spec: LakeSpec, listeners: Listeners, rng: np.random.Generator) -> _Sessions:
    who, lengths = _draw_lengths(spec.events, listeners, rng)
    anonymous = who == listeners.nobody
    people = who + np.where(anonymous, np.cumsum(anonymous), 0)
    starts = _draw_starts(len(who), spec, rng)
    order = np.lexsort((starts, people))
    lengths = lengths[order]
    return _Sessions(
        listeners=who[order],
        anonymous=anonymous[order],
        starts=starts[order],
        firsts=np.cumsum(lengths) - lengths,
        leading=np.searchsorted(people[order], people[order]),
        of_event=np.repeat(np.arange(len(order)), lengths),
    )


def _draw_lengths(events: int, listeners: Listeners, rng: np.random.Generator) -> tuple[Ints, Ints]:
    """Draw sessions (listener, number of events) until they hold exactly `events` events."""
    who, lengths = np.zeros((2, 0), dtype=np.int64)
    while (missing := events - int(lengths.sum())) > 0:
        more = _draw_batch(missing // 6 + 20, listeners, rng)
        who, lengths = np.concatenate([who, more[0]]), np.concatenate([lengths, more[1]])
    lengths = np.diff(np.minimum(np.cumsum(lengths), events), prepend=0)
    return who[lengths > 0], lengths[lengths > 0]


def _draw_batch(count: int, listeners: Listeners, rng: np.random.Generator) -> tuple[Ints, Ints]:
    who = pick(rng.random(count), listeners.activity)
    who[rng.random(count) < _ANONYMOUS_SESSIONS] = listeners.nobody
    paid, positions = listeners.paid[who], rng.random(count)
    # Mostly short, a few up to the longest.
    lengths = 1 + np.where(paid, _PAID_MEDIAN, _FREE_MEDIAN) * positions / (1.0 - positions)
    most = np.where(listeners.visitors[who], _VISIT_MOST, np.where(paid, _PAID_MOST, _FREE_MOST))
    short = 1 + positions * _ANONYMOUS_MOST
    lengths = np.where(who == listeners.nobody, short, np.minimum(lengths, most))
    return who, lengths.astype(np.int64)


def _draw_starts(count: int, spec: LakeSpec, rng: np.random.Generator) -> Ints:
    """Session starts in milliseconds since the lake's start: busy weekdays, busy evenings."""
    ahead = np.arange(spec.days)
    busy = _WEEKDAYS[(spec.start.weekday() + ahead) % 7] * (1.0 + _GROWTH * ahead / spec.days)
    hours = pick(_evenly(count, rng), busy) * 24 + pick(_evenly(count, rng), _HOURS)
    return ((hours + rng.random(count)) * 3_600_000.0).astype(np.int64)


def _evenly(count: int, rng: np.random.Generator) -> Floats:
    """Positions in [0, 1), evenly spread instead of free: no day is empty by bad luck."""
    return (rng.permutation(count) + rng.random(count)) / max(count, 1)


def _make_pages(
    sessions: _Sessions, listeners: Listeners, rng: np.random.Generator
) -> tuple[Ints, Bools]:
    """The page of every event, and whether its listener was logged in.

    Plan pages come out as Upgrade and Submit Upgrade, whatever the level.
    """
    owners = sessions.of_event
    count, who = len(owners), sessions.listeners[owners]
    weights = np.array([1.0 - sum(_DETOURS.values()), *_DETOURS.values()])
    pages = np.array([Page.NEXT_SONG, *_DETOURS])[pick(rng.random(count), weights)]
    opens = sessions.firsts[rng.random(len(sessions)) < _OPENS_AT_HOME]
    pages[opens] = Page.HOME
    visiting = listeners.visitors[who]
    pages[visiting] = rng.choice(_VISITED, int(visiting.sum()))
    logged_in = ~sessions.anonymous[owners]
    pages[~logged_in] = rng.choice(_ANONYMOUS_PAGES, int((~logged_in).sum()))
    _log_out_and_in(pages, logged_in, owners)
    saves = rng.random(count) < _SAVES_SETTINGS
    _follow(pages, Page.SETTINGS, Page.SAVE_SETTINGS, owners, saves)
    agrees = np.where(listeners.paid[who], _PAID_DOWNGRADES, _FREE_UPGRADES)
    _follow(pages, Page.UPGRADE, Page.SUBMIT_UPGRADE, owners, rng.random(count) < agrees)
    return pages, logged_in


def _log_out_and_in(pages: Ints, logged_in: Bools, owners: Ints) -> None:
    """After a Logout, in the same session: Home and Login as nobody, then Home again."""
    logouts = np.nonzero(pages == Page.LOGOUT)[0]
    # A second Logout before the listener is in again makes no sense: drop it.
    apart = np.diff(logouts, prepend=-10) > 4
    pages[logouts[~apart]] = Page.HOME
    logouts = logouts[apart]
    for steps, page in ((1, Page.HOME), (2, Page.LOGIN), (3, Page.HOME)):
        after = _later(logouts, steps, owners)
        pages[after] = page
        logged_in[after] = steps == 3


def _follow(pages: Ints, first: Page, then: Page, owners: Ints, goes_on: Bools) -> None:
    """Make the play after page `first` page `then`, where the listener goes on."""
    after = _later(np.nonzero((pages == first) & goes_on)[0], 1, owners)
    pages[after[pages[after] == Page.NEXT_SONG]] = then


def _later(events: Ints, steps: int, owners: Ints) -> Ints:
    """The events `steps` further on, where they belong to the same session."""
    events = events[events + steps < len(owners)]
    later: Ints = events[owners[events] == owners[events + steps]] + steps
    return later


def _follow_plans(
    pages: Ints, sessions: _Sessions, listeners: Listeners, rng: np.random.Generator
) -> Bools:
    """The level at every event; turns the plan pages of paid listeners into downgrades."""
    owners = sessions.of_event
    submitted = pages == Page.SUBMIT_UPGRADE
    changes = _before(submitted, sessions.firsts[sessions.leading][owners])
    # Nobody has a level, yet the log states one: the one the browser last had.
    stated = (rng.random(len(sessions)) < 0.5) & sessions.anonymous
    at_first = (listeners.paid[sessions.listeners] | stated)[owners]
    paid: Bools = at_first ^ (changes % 2 == 1)
    pages[((pages == Page.UPGRADE) | submitted) & paid] += Page.DOWNGRADE - Page.UPGRADE
    return paid


def _make_times(
    spec: LakeSpec, sessions: _Sessions, track_lengths: Ints, rng: np.random.Generator
) -> Ints:
    """Event times in milliseconds since the lake's start, within its days."""
    window, owners = spec.days * MILLISECONDS_A_DAY, sessions.of_event
    gaps = _draw_gaps(track_lengths, rng)
    # What all events of a person take, hurried to fit into the window.
    totals = np.bincount(sessions.leading[owners], gaps, len(sessions))[sessions.leading]
    hurry = np.minimum(1.0, _BUSIEST * window / totals)
    gaps = (gaps * hurry[owners]).astype(np.int64)
    elapsed = _before(gaps, sessions.firsts[sessions.leading][owners])
    before = elapsed[sessions.firsts]
    # A session starts not before the one ahead has ended (for all persons at once: each gets a
    # stretch of numbers far above the person before), and early enough for all that still follow.
    apart = sessions.leading * (2 * window) - before
    starts = np.maximum.accumulate(sessions.starts + apart) - apart
    latest = window - 1 - (totals * hurry).astype(np.int64) + before
    times: Ints = np.minimum(starts, latest)[owners] + elapsed - before[owners]
    return times


def _draw_gaps(track_lengths: Ints, rng: np.random.Generator) -> Ints:
    """Milliseconds from each event to the next of its session: the song, or a look at a page."""
    count = len(track_lengths)
    heard = np.where(rng.random(count) < _SKIPS, rng.random(count), 1.0)
    plays = (track_lengths * heard).astype(np.int64) + 1 + rng.integers(1_500, size=count)
    looks = 1_000 + rng.integers(_LONGEST_LOOK, size=count)
    return np.where(track_lengths > 0, plays, looks)


def _before(values: Ints | Bools, firsts: Ints) -> Ints:
    """For each event the sum of the values of those before it, from event `firsts` on."""
    before: Ints = np.cumsum(values, dtype=np.int64) - values
    difference: Ints = before - before[firsts]
    return difference

"""What listeners do: sessions, pages, plays, changes of plan, all as columns of numbers.

Behaviour only. How an event looks as a line is in `lines.py`; broken and repeated events are in
`mess.py`.
"""

from dataclasses import dataclass
from datetime import date
from enum import IntEnum

import numpy as np
import numpy.typing as npt

from sparkify_dagster.generator.dice import Bools, Dice, Floats, Ints, heavy_tail, pick
from sparkify_dagster.generator.listeners import (
    DEVICES,
    MILLISECONDS_A_DAY,
    Listeners,
    epoch_milliseconds,
)
from sparkify_dagster.generator.spec import LakeSpec
from sparkify_dagster.generator.tracks import Tracks


class Page(IntEnum):
    """The pages, numbered so that the paid twin of a plan page is two further on."""

    NEXT_SONG = 0
    HOME = 1
    LOGIN = 2
    LOGOUT = 3
    SETTINGS = 4
    SAVE_SETTINGS = 5
    HELP = 6
    ABOUT = 7
    ERROR = 8
    UPGRADE = 9
    SUBMIT_UPGRADE = 10
    DOWNGRADE = 11
    SUBMIT_DOWNGRADE = 12


# Monday to Sunday, and hour 0 to 23 (UTC): how busy it is.
_WEEKDAYS = (1.05, 1.15, 1.2, 1.15, 1.1, 0.62, 0.5)
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
        listeners: Listener numbers, `Listeners.count` where nobody is logged in.
        devices: Indices into `Listeners.endings`.
        levels: 2 * listener + (1 if paid): indices into `Listeners.before_method`.
        sessions, items: Session ids (from 1) and item numbers within them (from 0).
        pages: Values of `Page`.
        tracks: Indices into the tracks, `Tracks.none` except for NextSong.
    """

    times: Ints
    listeners: _Small
    devices: _Small
    levels: _Small
    sessions: _Small
    items: _Small
    pages: npt.NDArray[np.int8]
    tracks: _Small

    def __len__(self) -> int:
        """Count the events."""
        return len(self.times)


@dataclass(frozen=True)
class _Sessions:
    """Sessions in order of (group, start); a group is a listener or one anonymous session.

    `firsts` indexes each session's first event; `starts` are milliseconds since the lake's start.
    """

    groups: Ints
    listeners: Ints
    starts: Ints
    lengths: Ints
    firsts: Ints
    anonymous: Bools


def make_events(spec: LakeSpec, listeners: Listeners, tracks: Tracks) -> EventTable:
    """Let the listeners act until there are exactly `spec.events` events."""
    dice = Dice(spec.seed, "events")
    sessions = _make_sessions(spec, listeners, dice)
    owners = np.repeat(np.arange(len(sessions.lengths)), sessions.lengths)
    items = np.arange(len(owners)) - sessions.firsts[owners]
    who = sessions.listeners[owners]
    starts_paid = np.append(listeners.paid, False)[who]
    pages, logged_in = _make_pages(owners, items, sessions, listeners, starts_paid, dice)
    paid = _follow_plans(pages, sessions, starts_paid, owners, dice)
    chosen = np.full(len(owners), tracks.none)
    plays = pages == Page.NEXT_SONG
    chosen[plays] = tracks.play(int(plays.sum()), dice)
    times = _make_times(spec, sessions, owners, tracks.milliseconds[chosen], dice)
    devices = (dice.uniform(len(sessions.lengths)) < _SECOND_DEVICE).astype(np.int64)[owners]
    who = np.where(logged_in, who, listeners.count)
    order = np.argsort(times, kind="stable")

    def small(column: npt.NDArray[np.generic]) -> _Small:
        return column[order].astype(np.int32)

    return EventTable(
        times=times[order] + epoch_milliseconds(spec.start),
        listeners=small(who),
        devices=small(who * DEVICES + devices),
        levels=small(who * 2 + paid),
        sessions=small(_number_by_start(sessions)[owners]),
        items=small(items),
        pages=pages[order].astype(np.int8),
        tracks=small(chosen),
    )


def _make_sessions(spec: LakeSpec, listeners: Listeners, dice: Dice) -> _Sessions:
    who, lengths = _draw_lengths(spec.events, listeners, dice)
    count = len(lengths)
    anonymous = who == listeners.count
    groups = who + np.where(anonymous, np.cumsum(anonymous), 0)
    starts = _draw_starts(count, spec.days, spec.start, dice)
    order = np.lexsort((starts, groups))
    lengths = lengths[order]
    return _Sessions(
        groups=groups[order],
        listeners=who[order],
        starts=starts[order],
        lengths=lengths,
        firsts=np.cumsum(lengths) - lengths,
        anonymous=anonymous[order],
    )


def _draw_lengths(events: int, listeners: Listeners, dice: Dice) -> tuple[Ints, Ints]:
    """Draw sessions (listener, number of events) until they hold exactly `events` events."""
    batches: list[tuple[Ints, Ints]] = []
    missing = events
    while missing > 0:
        batch = _draw_batch(missing // 6 + 20, listeners, dice)
        batches.append(batch)
        missing -= int(batch[1].sum())
    if not batches:
        return np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64)
    who, lengths = (np.concatenate(parts) for parts in zip(*batches, strict=True))
    ends = np.cumsum(lengths)
    kept = int(np.searchsorted(ends, events)) + 1
    lengths[kept - 1] -= ends[kept - 1] - events
    return who[:kept], lengths[:kept]


def _draw_batch(count: int, listeners: Listeners, dice: Dice) -> tuple[Ints, Ints]:
    who = dice.weighted(count, listeners.activity)
    positions = dice.uniform(count)
    paid, visitor = listeners.paid[who], listeners.visitors[who]
    medians = np.where(paid, _PAID_MEDIAN, _FREE_MEDIAN)
    most = np.where(visitor, _VISIT_MOST, np.where(paid, _PAID_MOST, _FREE_MOST))
    lengths = heavy_tail(positions, medians, most)
    anonymous = dice.chance(count, _ANONYMOUS_SESSIONS)
    short = 1 + (positions * _ANONYMOUS_MOST).astype(np.int64)
    return np.where(anonymous, listeners.count, who), np.where(anonymous, short, lengths)


def _draw_starts(count: int, days: int, start: date, dice: Dice) -> Ints:
    """Session starts in milliseconds since the lake's start: busy weekdays, busy evenings."""
    ahead = np.arange(days)
    weekdays = np.array(_WEEKDAYS)[(start.weekday() + ahead) % 7]
    weights: Floats = weekdays * (1.0 + _GROWTH * ahead / days)
    # Evenly spread positions instead of free ones: no day is empty by bad luck.
    positions = (dice.order(count) + dice.uniform(count)) / max(count, 1)
    hours = pick(positions, weights) * 24 + dice.weighted(count, _HOURS)
    return ((hours + dice.uniform(count)) * 3_600_000.0).astype(np.int64)


def _make_pages(
    owners: Ints,
    items: Ints,
    sessions: _Sessions,
    listeners: Listeners,
    starts_paid: Bools,
    dice: Dice,
) -> tuple[Ints, Bools]:
    """The page of every event, and whether its listener was logged in.

    Plan pages come out as Upgrade and Submit Upgrade, whatever the level.
    """
    count = len(owners)
    pages = _draw_pages(count, dice)
    pages[(items == 0) & dice.chance(count, _OPENS_AT_HOME)] = Page.HOME
    visiting = np.append(listeners.visitors, False)[sessions.listeners[owners]]
    logged_in = ~sessions.anonymous[owners]
    pages = np.where(visiting, np.array(_VISITED)[dice.below(count, len(_VISITED))], pages)
    outside = np.array(_ANONYMOUS_PAGES)[dice.below(count, len(_ANONYMOUS_PAGES))]
    pages = np.where(logged_in, pages, outside)
    _log_out_and_in(pages, logged_in, owners)
    _follow(pages, Page.SETTINGS, Page.SAVE_SETTINGS, owners, dice.chance(count, _SAVES_SETTINGS))
    agrees = np.where(starts_paid, _PAID_DOWNGRADES, _FREE_UPGRADES)
    _follow(pages, Page.UPGRADE, Page.SUBMIT_UPGRADE, owners, dice.chance(count, agrees))
    return pages, logged_in


def _draw_pages(count: int, dice: Dice) -> Ints:
    plays = 1.0 - sum(_DETOURS.values())
    weights = np.array([plays, *_DETOURS.values()])
    return np.array([Page.NEXT_SONG, *_DETOURS])[dice.weighted(count, weights)].astype(np.int64)


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
    pages: Ints, sessions: _Sessions, starts_paid: Bools, owners: Ints, dice: Dice
) -> Bools:
    """The level at every event; turns the plan pages of paid listeners into downgrades."""
    submitted = (pages == Page.SUBMIT_UPGRADE).astype(np.int64)
    before = np.cumsum(submitted) - submitted
    new_group = np.diff(sessions.groups, prepend=-1) != 0
    first_events = sessions.firsts[new_group][np.cumsum(new_group) - 1]
    changes = before - before[first_events][owners]
    # Nobody has a level, yet the log states one: the one the browser last had.
    stated = dice.chance(len(sessions.lengths), 0.5) & sessions.anonymous
    paid = np.asarray((starts_paid | stated[owners]) ^ (changes % 2 == 1))
    plan = (pages == Page.UPGRADE) | (pages == Page.SUBMIT_UPGRADE)
    pages[plan & paid] += Page.DOWNGRADE - Page.UPGRADE
    return paid


def _make_times(
    spec: LakeSpec, sessions: _Sessions, owners: Ints, track_lengths: Ints, dice: Dice
) -> Ints:
    """Event times in milliseconds since the lake's start, within its days."""
    if not len(owners):
        return np.zeros(0, dtype=np.int64)
    window = spec.days * MILLISECONDS_A_DAY
    gaps = _draw_gaps(track_lengths, dice)
    group_starts = np.nonzero(np.diff(sessions.groups, prepend=-1))[0]
    totals = np.add.reduceat(gaps, sessions.firsts[group_starts])
    hurry = np.minimum(1.0, _BUSIEST * window / totals)
    group_of = np.cumsum(np.diff(sessions.groups, prepend=-1) != 0) - 1
    gaps = (gaps * hurry[group_of][owners]).astype(np.int64)
    before = np.cumsum(gaps) - gaps
    durations = np.add.reduceat(gaps, sessions.firsts)
    starts = _spread(sessions.starts, durations, group_of, window)
    times: Ints = starts[owners] + before - before[sessions.firsts][owners]
    return times


def _draw_gaps(track_lengths: Ints, dice: Dice) -> Ints:
    """Milliseconds from each event to the next of its session: the song, or a look at a page."""
    count = len(track_lengths)
    skipped = dice.chance(count, _SKIPS)
    heard = np.where(skipped, dice.uniform(count), 1.0)
    plays = (track_lengths * heard).astype(np.int64) + 1 + dice.below(count, 1_500)
    looks = 1_000 + dice.below(count, _LONGEST_LOOK)
    return np.where(track_lengths > 0, plays, looks)


def _spread(starts: Ints, durations: Ints, group_of: Ints, window: int) -> Ints:
    """Move session starts so that a group's sessions neither overlap nor leave the window.

    Durations of one group sum to less than the window. All is done for all groups at once: each
    group gets a stretch of numbers of its own, far above the group before.
    """
    apart = group_of * (2 * window)
    ends = np.cumsum(durations)
    before = ends - durations
    first_of_group = np.searchsorted(group_of, group_of)
    before -= before[first_of_group]
    last_of_group = np.append(np.diff(group_of) > 0, True)
    totals = (before + durations)[last_of_group]
    # Not before the session ahead has ended ...
    starts = np.maximum.accumulate(starts - before + apart) + before - apart
    # ... and early enough for all that still follow.
    rest = totals[group_of] - before
    starts = np.minimum(starts, window - rest)
    return starts


def _number_by_start(sessions: _Sessions) -> Ints:
    """Session ids from 1, in order of start."""
    numbers = np.empty(len(sessions.starts), dtype=np.int64)
    numbers[np.argsort(sessions.starts, kind="stable")] = np.arange(1, len(numbers) + 1)
    return numbers

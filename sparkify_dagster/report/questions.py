"""The questions the report asks, as the SQL that it also shows.

What belongs here: SQL over marts, star and ledger, aggregated so far that an answer has some
hundreds of rows at most, in the subset that all engines read alike. What does not: asking
(`facts`), and anything said of the answers (`listening`, `people`, `trust`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Literal

Grain = Literal["day", "week", "month", "year"]
GRAINS: Mapping[Grain, int] = {"day": 92, "week": 2 * 366, "month": 20 * 366, "year": 10**9}
"""The longest span, in days, that is still shown by days, weeks, months, years."""
MOST_PERIODS = 400
"""Periods that are shown at most: the latest ones."""
TOP = 10
PLACES = 8
UNMATCHED = 10
REASONS = 8
FAILED = 20


@dataclass(frozen=True, slots=True)
class Question:
    """One question.

    Attributes:
        name: Names its answer.
        sql: The statement; tables stand in braces.
    """

    name: str
    sql: str


def grain_of(first: date | None, last: date | None) -> Grain:
    """How finely a span of days is shown, so that what is shown stays readable."""
    span = (last - first).days + 1 if first and last else 0
    return next(grain for grain, longest in GRAINS.items() if span <= longest)


HEADLINE = Question(
    "headline",
    """\
SELECT p.plays, p.matched, p.days, p.first_day, p.last_day, l.listeners, u.people,
       s.sessions, s.minutes, s.songs AS songs_in_sessions, c.songs, a.artists,
       e.data_until, h.last_load, j.rejects
FROM (SELECT CAST(COALESCE(SUM(x.plays), 0) AS BIGINT) AS plays,
             CAST(COALESCE(SUM(x.matched), 0) AS BIGINT) AS matched,
             COUNT(DISTINCT x.play_date) AS days,
             MIN(x.play_date) AS first_day, MAX(x.play_date) AS last_day
      FROM {plays_by_hour} AS x) AS p
CROSS JOIN (SELECT CAST(COALESCE(SUM(x.new_listeners), 0) AS BIGINT) AS listeners
            FROM {listeners_by_day} AS x) AS l
CROSS JOIN (SELECT COUNT(*) AS people FROM {user} AS x) AS u
CROSS JOIN (SELECT COUNT(*) AS sessions, COALESCE(SUM(x.minutes), 0) AS minutes,
                   CAST(COALESCE(SUM(x.songs), 0) AS BIGINT) AS songs
            FROM {sessions} AS x) AS s
CROSS JOIN (SELECT COUNT(*) AS songs FROM {song} AS x) AS c
CROSS JOIN (SELECT COUNT(*) AS artists FROM {artist} AS x) AS a
CROSS JOIN (SELECT MAX(x.ts) AS data_until FROM {staging_events_table} AS x) AS e
CROSS JOIN (SELECT MAX(x.loaded_at) AS last_load FROM {load_history} AS x
            WHERE x.status = 'published') AS h
CROSS JOIN (SELECT COUNT(*) AS rejects FROM {load_rejects} AS x WHERE x.published) AS j""",
)

WEEK = Question(
    "week",
    """\
SELECT CAST(EXTRACT(dow FROM h.play_date) AS INTEGER) AS weekday, h.hour,
       CAST(SUM(h.plays) AS BIGINT) AS plays
FROM {plays_by_hour} AS h
GROUP BY CAST(EXTRACT(dow FROM h.play_date) AS INTEGER), h.hour
ORDER BY weekday, h.hour""",
)

TOP_SONGS = Question(
    "top_songs",
    f"""\
SELECT m.title, m.artist_name, m.plays, m.matched, m.last_played
FROM {{most_played}} AS m WHERE m.kind = 'song' AND m.rank <= {TOP}
ORDER BY m.rank""",
)

TOP_ARTISTS = Question(
    "top_artists",
    f"""\
SELECT m.artist_name, m.plays, m.matched, m.last_played
FROM {{most_played}} AS m WHERE m.kind = 'artist' AND m.rank <= {TOP}
ORDER BY m.rank""",
)

LEVELS = Question(
    "levels",
    """\
SELECT COUNT(DISTINCT h.user_id) AS people,
       COUNT(DISTINCT CASE WHEN h.level = 'free' AND h.valid_to IS NULL THEN h.user_id END) AS free,
       COUNT(DISTINCT CASE WHEN h.level = 'paid' AND h.valid_to IS NULL THEN h.user_id END) AS paid,
       COUNT(DISTINCT CASE WHEN h.level = 'paid' THEN h.user_id END) AS ever_paid,
       COUNT(CASE WHEN h.ended_by = 'upgrade' THEN 1 END) AS upgrades,
       COUNT(CASE WHEN h.ended_by = 'downgrade' THEN 1 END) AS downgrades,
       COUNT(CASE WHEN h.ended_by = 'cancellation' THEN 1 END) AS cancellations,
       COUNT(DISTINCT CASE WHEN h.ended_by = 'cancellation' THEN h.user_id END) AS cancelled
FROM {user_level_history} AS h""",
)

SESSION_MINUTES = Question(
    "session_minutes",
    """\
SELECT b.bucket, COUNT(*) AS sessions
FROM (SELECT CASE WHEN s.minutes < 1 THEN 0 WHEN s.minutes < 10 THEN 1 WHEN s.minutes < 30 THEN 2
                  WHEN s.minutes < 60 THEN 3 WHEN s.minutes < 120 THEN 4
                  WHEN s.minutes < 240 THEN 5 ELSE 6 END AS bucket
      FROM {sessions} AS s) AS b
GROUP BY b.bucket ORDER BY b.bucket""",
)
MINUTES = ("< 1", "1-10", "10-30", "30-60", "1-2 h", "2-4 h", "4 h +")
"""What the buckets of `SESSION_MINUTES` hold: each from its first number up to its second."""

SESSION_SONGS = Question(
    "session_songs",
    """\
SELECT b.bucket, COUNT(*) AS sessions
FROM (SELECT CASE WHEN s.songs = 0 THEN 0 WHEN s.songs = 1 THEN 1 WHEN s.songs <= 5 THEN 2
                  WHEN s.songs <= 10 THEN 3 WHEN s.songs <= 20 THEN 4
                  WHEN s.songs <= 50 THEN 5 ELSE 6 END AS bucket
      FROM {sessions} AS s) AS b
GROUP BY b.bucket ORDER BY b.bucket""",
)
SONGS = ("none", "1", "2-5", "6-10", "11-20", "21-50", "51 +")
"""What the buckets of `SESSION_SONGS` hold."""

PLAYS_BY_PLACE = Question(
    "places",
    f"""\
SELECT p.location, CAST(SUM(p.plays) AS BIGINT) AS plays, MAX(p.play_date) AS last_played
FROM {{plays_by_place}} AS p WHERE p.location <> ''
GROUP BY p.location ORDER BY plays DESC, p.location LIMIT {PLACES}""",
)

UNMATCHED_REASONS = Question(
    "unmatched_reasons",
    """\
SELECT u.reason, COUNT(*) AS names, CAST(SUM(u.plays) AS BIGINT) AS plays
FROM {unmatched_plays} AS u
GROUP BY u.reason ORDER BY plays DESC, u.reason""",
)

CLOSE_PLAYS = Question(
    "unmatched_close",
    f"""\
SELECT u.title, u.artist_name, u.plays, u.reason,
       u.closest_song_id, u.closest_title, u.closest_artist
FROM {{unmatched_plays}} AS u WHERE u.closest_song_id IS NOT NULL
ORDER BY u.rank LIMIT {UNMATCHED}""",
)

MISSING_PLAYS = Question(
    "unmatched_missing",
    f"""\
SELECT u.title, u.artist_name, u.plays, u.last_played
FROM {{unmatched_plays}} AS u WHERE u.closest_song_id IS NULL
ORDER BY u.rank LIMIT {UNMATCHED}""",
)

LOADED = Question(
    "loaded",
    """\
SELECT h.target, COUNT(*) AS parts, CAST(SUM(h.objects) AS BIGINT) AS objects,
       CAST(SUM(h.records) AS BIGINT) AS records, CAST(SUM(h.row_count) AS BIGINT) AS row_count,
       CAST(SUM(h.rejects) AS BIGINT) AS rejects, MAX(h.loaded_at) AS loaded_at
FROM {load_history} AS h
JOIN (SELECT l.target, l.part, MAX(l.load_id) AS load_id FROM {load_history} AS l
      WHERE l.status = 'published' GROUP BY l.target, l.part) AS n
  ON n.target = h.target AND n.part = h.part AND n.load_id = h.load_id
WHERE h.status = 'published' AND h.position IS NULL AND h.objects > 0
GROUP BY h.target ORDER BY h.target""",
)

REJECT_REASONS = Question(
    "reject_reasons",
    f"""\
SELECT j.target_table, j.reason, COUNT(*) AS records, COUNT(DISTINCT j.object) AS objects
FROM {{load_rejects}} AS j WHERE j.published
GROUP BY j.target_table, j.reason
ORDER BY records DESC, j.target_table, j.reason LIMIT {REASONS}""",
)

FAILED_PARTS = Question(
    "failed_parts",
    f"""\
SELECT h.target, h.part, h.loaded_at AS failed_at, h.message
FROM {{load_history}} AS h
JOIN (SELECT l.target, l.part, MAX(l.load_id) AS load_id,
             MAX(CASE WHEN l.status = 'published' THEN l.load_id ELSE 0 END) AS published
      FROM {{load_history}} AS l GROUP BY l.target, l.part) AS n
  ON n.target = h.target AND n.part = h.part AND n.load_id = h.load_id
WHERE h.status = 'failed' AND h.load_id > n.published
ORDER BY h.target, h.part LIMIT {FAILED}""",
)


def over_time(grain: Grain) -> tuple[Question, ...]:
    """The questions whose answers have a row for each day, week, month or year."""
    return _plays(grain), _listeners(grain), _subscriptions(grain)


def _plays(grain: Grain) -> Question:
    period = _period("h.play_date", grain)
    return Question(
        "plays",
        f"""\
SELECT {period} AS period, CAST(SUM(h.plays) AS BIGINT) AS plays,
       CAST(SUM(h.matched) AS BIGINT) AS matched
FROM {{plays_by_hour}} AS h
GROUP BY {period} ORDER BY period DESC LIMIT {MOST_PERIODS}""",
    )


def _listeners(grain: Grain) -> Question:
    period = _period("d.play_date", grain)
    return Question(
        "listeners",
        f"""\
SELECT {period} AS period, SUM(d.active) / (COUNT(*) * 1.0) AS active_a_day,
       CAST(SUM(d.new_listeners) AS BIGINT) AS new_listeners,
       SUM(d.returning_listeners) / (COUNT(*) * 1.0) AS returning_a_day, COUNT(*) AS days
FROM {{listeners_by_day}} AS d
GROUP BY {period} ORDER BY period DESC LIMIT {MOST_PERIODS}""",
    )


def _subscriptions(grain: Grain) -> Question:
    period = _period("d.day", grain)
    return Question(
        "subscriptions",
        f"""\
SELECT p.period, e.free, e.paid, p.upgrades, p.downgrades, p.cancellations
FROM (SELECT {period} AS period, MAX(d.day) AS last_day,
             CAST(SUM(d.upgrades) AS BIGINT) AS upgrades,
             CAST(SUM(d.downgrades) AS BIGINT) AS downgrades,
             CAST(SUM(d.cancellations) AS BIGINT) AS cancellations
      FROM {{subscriptions_by_day}} AS d GROUP BY {period}) AS p
JOIN {{subscriptions_by_day}} AS e ON e.day = p.last_day
ORDER BY p.period DESC LIMIT {MOST_PERIODS}""",
    )


def _period(column: str, grain: Grain) -> str:
    """The first day of the period a date lies in."""
    if grain == "day":
        return column
    return f"CAST(DATE_TRUNC('{grain}', CAST({column} AS TIMESTAMP)) AS DATE)"


SINGLE = (
    WEEK,
    TOP_SONGS,
    TOP_ARTISTS,
    LEVELS,
    SESSION_MINUTES,
    SESSION_SONGS,
    PLAYS_BY_PLACE,
    UNMATCHED_REASONS,
    CLOSE_PLAYS,
    MISSING_PLAYS,
    LOADED,
    REJECT_REASONS,
    FAILED_PARTS,
)
"""The questions that are the same for every span of days, besides the headline."""

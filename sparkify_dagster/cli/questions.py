"""Three questions that the demo answers from the star.

What belongs here: their SQL, which anybody may type, and how the answers are drawn.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sparkify_dagster.analysis.answers import fetch
from sparkify_dagster.cli.console import grid, say, say_lines, show, title
from sparkify_dagster.core.text import printable
from sparkify_dagster.warehouse.engine import Row, Session

MOST_PLAYED = """\
SELECT s.title, a.name AS artist, COUNT(*) AS plays
FROM songplay AS p
JOIN song AS s ON s.song_id = p.song_id JOIN artist AS a ON a.artist_id = p.artist_id
GROUP BY s.title, a.name ORDER BY plays DESC, s.title LIMIT 5"""

BY_HOUR = """\
SELECT t.hour, COUNT(*) AS plays
FROM songplay AS p JOIN "time" AS t ON t.start_time = p.start_time
GROUP BY t.hour ORDER BY t.hour"""

FREE_AND_PAID = """\
SELECT p.level, COUNT(DISTINCT p.user_id) AS people, COUNT(*) AS plays
FROM songplay AS p GROUP BY p.level ORDER BY p.level"""

_HOURS = 24
_HEIGHT = 4
_EIGHTHS = " ▁▂▃▄▅▆▇█"


def answer_questions(session: Session) -> None:
    """Asks the three questions and prints what comes back."""
    _question("Which songs are played most?", MOST_PLAYED)
    songs = fetch(session, MOST_PLAYED)
    _show(songs.names, songs)
    _question("When do people listen? (plays by hour, UTC)", BY_HOUR)
    for line in bars(dict(fetch(session, BY_HOUR))):
        say(line)
    _question("Who plays more, free or paid?", FREE_AND_PAID)
    levels = fetch(session, FREE_AND_PAID)
    _show([*levels.names, "plays each"], [(*row, round(row[2] / row[1])) for row in levels])


def bars(plays: Mapping[int, int]) -> list[str]:
    """Plays by hour as a bar chart, a few lines high."""
    most = max(plays.values(), default=0)
    if not most:
        return ["(no plays)"]
    heights = [_eighths(plays.get(hour, 0), most) for hour in range(_HOURS)]
    width = len(f"{most:,}")
    lines = []
    for level in reversed(range(_HEIGHT)):
        label = f"{most:,}" if level == _HEIGHT - 1 else ""
        drawn = (_EIGHTHS[min(max(height - 8 * level, 0), 8)] * 2 for height in heights)
        lines.append(f"{label:>{width}} {' '.join(drawn)}".rstrip())
    lines.append(f"{'':>{width}} {' '.join(f'{hour:2d}' for hour in range(_HOURS))}")
    return lines


def _eighths(value: int, most: int) -> int:
    """Height of a bar in eighths of a line; what is not nothing is seen."""
    return max(round(value / most * 8 * _HEIGHT), 1) if value else 0


def _question(text: str, sql: str) -> None:
    title(text)
    say_lines(sql, "dim")
    say()


def _show(names: Sequence[str], rows: Sequence[Row]) -> None:
    numbers = [name for at, name in enumerate(names) if rows and isinstance(rows[0][at], int)]
    table = grid(*names, right=numbers)
    for row in rows:
        table.add_row(*(f"{v:,}" if isinstance(v, int) else printable(v) for v in row))
    show(table)

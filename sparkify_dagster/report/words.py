"""Numbers, dates and shares as the report writes them.

What belongs here: how single values read. Nothing here knows what they mean.
"""

from __future__ import annotations

from datetime import date, datetime

from sparkify_dagster.core.text import count
from sparkify_dagster.report.questions import Grain

WEEKDAYS = ("Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday")
"""By the number that EXTRACT(dow …) gives."""
_MONTHS = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September",
    "October", "November", "December",
)  # fmt: skip
_LONGEST = 120
_TO = "\N{EN DASH}"
NONE = _TO
"""What stands where there is nothing to say."""


def number(value: float) -> str:
    """`12,345`; a fraction is rounded to one digit where it says something: `3.4`."""
    if isinstance(value, int):
        return f"{value:,}"
    return f"{value:,.0f}" if abs(value) >= 100 or value == int(value) else f"{value:,.1f}"


def share(part: float, whole: float) -> str:
    """`12.3 %`; never 0 or 100 where it is not quite that; a dash where there is no whole."""
    if not whole:
        return NONE
    percent = 100 * part / whole
    if 0 < percent < 0.1:
        return "< 0.1 %"
    if 99.9 < percent < 100:
        return "> 99.9 %"
    return f"{percent:.0f} %" if percent in (0, 100) else f"{percent:.1f} %"


def more(left: int, one: str, many: str = "") -> str:
    """`… and 12 more places`; nothing where none are left out."""
    return f"… and {count(left, f'more {one}', f'more {many or one}')}" if left else ""


def day(value: date) -> str:
    """`5 November 2018`."""
    return f"{value.day} {_MONTHS[value.month - 1]} {value.year}"


def short_day(value: date, grain: Grain) -> str:
    """`5 Nov`, `Nov 2018` or `2018`, as fits the grain."""
    month = _MONTHS[value.month - 1][:3]
    if grain == "year":
        return str(value.year)
    return f"{month} {value.year}" if grain == "month" else f"{value.day} {month}"


def period(value: date, grain: Grain) -> str:
    """What a period is called in a table."""
    if grain in ("year", "month"):
        return short_day(value, grain)
    return f"week of {brief(value)}" if grain == "week" else brief(value)


def span(first: date | None, last: date | None) -> str:
    """`1-30 November 2018`; as much of the first day as the last does not say."""
    if first is None or last is None:
        return "no plays yet"
    if first == last:
        return day(first)
    if (first.year, first.month) == (last.year, last.month):
        return f"{first.day}{_TO}{day(last)}"
    start = day(first) if first.year != last.year else day(first).rsplit(" ", 1)[0]
    return f"{start} {_TO} {day(last)}"


def moment(value: datetime | None) -> str:
    """`5 November 2018, 17:04 UTC`."""
    return f"{day(value)}, {value:%H:%M} UTC" if value else NONE


def brief(value: date) -> str:
    """`5 Nov 2018`, with `, 17:04` where it is a moment."""
    told = f"{value.day} {_MONTHS[value.month - 1][:3]} {value.year}"
    return f"{told}, {value:%H:%M}" if isinstance(value, datetime) else told


def weekday(value: date) -> str:
    """The name of its day of the week."""
    return WEEKDAYS[value.isoweekday() % 7]


def hour(value: int) -> str:
    """`17:00-18:00`."""
    return f"{value:02d}:00{_TO}{(value + 1) % 24:02d}:00"


def clean(text: str | None) -> str:
    """A text of a record as it may stand on the page: cut, and without control characters."""
    if text is None:
        return ""
    kept = "".join(" " if c in "\t\r\n" else c if c.isprintable() else "\ufffd" for c in text)
    return kept if len(kept) <= _LONGEST else f"{kept[: _LONGEST - 1]}…"

"""The page: headline figures and sections set in HTML that needs no network and no script.

What belongs here: which sections stand in which order, and the template's filling. Every text is
escaped by the template; only charts, which hold labels of ours alone, are put in as they are.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from importlib.resources import files

from sparkify_dagster import __version__
from sparkify_dagster.core.text import count
from sparkify_dagster.report import listening, people, trust
from sparkify_dagster.report.facts import Facts, Headline, typed, typed_check
from sparkify_dagster.report.view import Card, Section
from sparkify_dagster.report.words import NONE, brief, moment, number, share, span

_SECTIONS: tuple[Callable[[Facts], Section], ...] = (
    listening.plays,
    listening.week,
    listening.most_played,
    people.listeners,
    listening.places,
    people.subscriptions,
    listening.sessions,
    trust.unmatched,
    trust.quality,
)


def render(facts: Facts, written: datetime) -> str:
    """The whole page.

    Args:
        written: When, UTC; the only thing in it that does not come from the warehouse.
    """
    return render_template(
        "page.html",
        span=span(facts.headline.first_day, facts.headline.last_day),
        notes=notes(facts),
        cards=cards(facts),
        sections=[make(facts) for make in _SECTIONS],
        statements=lambda section: _statements(facts, section),
        written=moment(written),
        version=__version__,
    )


def render_template(name: str, **given: object) -> str:
    """A page of the same looks."""
    from jinja2 import Environment, FunctionLoader
    from markupsafe import Markup

    loader = FunctionLoader(_template)
    environment = Environment(loader=loader, autoescape=True, trim_blocks=True, lstrip_blocks=True)
    style = Markup(_template("style.css"))
    return environment.get_template(name).render(style=style, **given)


def cards(facts: Facts) -> list[Card]:
    """The headline figures."""
    head = facts.headline
    per_day = number(head.plays / head.days) if head.days else "0"
    minutes = number(head.minutes / head.sessions) if head.sessions else "0"
    return [
        Card("Plays", number(head.plays), f"{per_day} a day"),
        Card("Listeners", number(head.listeners), f"of {count(head.people, 'person', 'people')}"),
        Card("Sessions", number(head.sessions), f"of {minutes} minutes on average"),
        Card(
            "Match rate",
            share(head.matched, head.plays),
            f"{count(head.matched, 'play')} with a song of the catalogue",
        ),
        Card("Songs", number(head.songs), f"by {count(head.artists, 'artist')}"),
        Card("Days with plays", number(head.days), span(head.first_day, head.last_day)),
        Card(
            "Data up to",
            brief(head.data_until.date()) if head.data_until else NONE,
            _freshness(head),
        ),
        Card("Rejected records", number(head.rejects), _failed(facts.failed)),
    ]


def notes(facts: Facts) -> list[str]:
    """What a reader must know before the figures."""
    told = []
    if not facts.headline.plays:
        told.append("There are no plays in the warehouse yet: “sparkify etl” loads the lake.")
    if facts.lags:
        told.append(
            "These figures lag behind: the marts have not taken in all that is loaded, or are made "
            "another way now. “sparkify etl” brings them up to date, or says why it cannot."
        )
    if facts.failed:
        told.append(f"{_failed(facts.failed)}: what they last published is counted. See below.")
    return told


def _statements(facts: Facts, section: Section) -> list[str]:
    """The SQL that gives a section's numbers."""
    told = [typed(facts.questions[name]) for name in section.questions]
    if section.id == trust.QUALITY:
        told += [typed_check(finding.check) for finding in facts.warnings]
    return told


def _freshness(head: Headline) -> str:
    if head.last_load is None:
        return "nothing is loaded yet"
    until = f"{head.data_until:%H:%M} UTC; " if head.data_until else ""
    return f"{until}loaded {brief(head.last_load)} UTC"


def _failed(parts: int) -> str:
    return f"{count(parts, 'part')} failed to load" if parts else "no load failed"


def _template(name: str) -> str:
    return files("sparkify_dagster.report").joinpath("template", name).read_text("utf-8").strip()

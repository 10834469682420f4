"""What is said of people: who listens, who is new, who pays, who leaves.

What belongs here: sections made from answers, without reading or drawing anything.
"""

from __future__ import annotations

from sparkify_dagster.core.text import count
from sparkify_dagster.report import charts
from sparkify_dagster.report.facts import Facts
from sparkify_dagster.report.over_time import over_time
from sparkify_dagster.report.view import Picture, Section, Table
from sparkify_dagster.report.words import number, share


def listeners(facts: Facts) -> Section:
    """Who listens: new people and those who come back."""
    rows, head, grain = facts.answers["listeners"], facts.headline, facts.grain
    finding = "Nobody has listened yet."
    if rows:
        days = sum(row["days"] for row in rows)
        average = sum(row["active_a_day"] * row["days"] for row in rows) / days
        finding = (
            f"{count(head.listeners, 'person', 'people')} of {number(head.people)} ever identified "
            f"have listened; {number(average)} on an average day with plays."
        )
    by_day = grain == "day"
    title = "Listeners by day" if by_day else f"Listeners on an average day, by {grain}"
    told = [
        {
            **row,
            "new_in_all": row["new_listeners"],
            "new": row["new_listeners"] if by_day else row["active_a_day"] - row["returning_a_day"],
        }
        for row in rows
    ]
    picture = over_time(
        told,
        grain,
        charts.stacked,
        {"returning": ("one", "returning_a_day"), "new": ("two", "new")},
        ("active_a_day", "returning_a_day", "new_in_all"),
        title,
        spoken=f"{title}: new and returning",
    )
    return Section("listeners", "Who listens", finding, ("listeners",), (picture,) if rows else ())


def subscriptions(facts: Facts) -> Section:
    """Free and paid over time, and who changed or left."""
    rows, grain = facts.answers["subscriptions"], facts.grain
    return Section(
        "subscriptions",
        "Who pays",
        _who_pays(facts),
        ("levels", "subscriptions"),
        (_levels(facts), _changes(facts)) if rows else (),
        tables=() if rows else (Table(f"By {grain}", [], [], empty="No levels are known yet."),),
    )


def _who_pays(facts: Facts) -> str:
    now = facts.answers["levels"][0]
    if not now["people"]:
        return "No levels are known yet."
    left = "Nobody has cancelled."
    if now["cancelled"]:
        left = (
            f"{count(now['cancelled'], 'person', 'people')} cancelled, "
            f"{share(now['cancelled'], now['people'])} of all."
        )
    return (
        f"At the end {number(now['paid'])} people pay and {number(now['free'])} listen for free, "
        f"after {count(now['upgrades'], 'upgrade')} and {count(now['downgrades'], 'downgrade')}. "
        f"{left}"
    )


def _levels(facts: Facts) -> Picture:
    title = f"People on free and on paid, at the end of each {facts.grain}"
    return over_time(
        facts.answers["subscriptions"],
        facts.grain,
        charts.steps,
        {"paid": ("one", "paid"), "free": ("three", "free")},
        ("free", "paid"),
        title,
        caption=f"{title}; a {facts.grain} without a change is left out",
    )


def _changes(facts: Facts) -> Picture:
    colours = {"upgrades": "one", "downgrades": "two", "cancellations": "three"}
    return over_time(
        facts.answers["subscriptions"],
        facts.grain,
        charts.stacked,
        {name: (colour, name) for name, colour in colours.items()},
        list(colours),
        f"Changes by {facts.grain}",
        spoken=f"Upgrades, downgrades and cancellations by {facts.grain}",
    )

"""What is said of people: who listens, who is new, who pays, who leaves.

What belongs here: sections made from answers, without reading or drawing anything.
"""

from __future__ import annotations

from functools import partial

from sparkify_dagster.core.text import count
from sparkify_dagster.report import charts
from sparkify_dagster.report.facts import Facts
from sparkify_dagster.report.view import Column, Legend, Picture, Section, Table
from sparkify_dagster.report.words import number, period, share


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
    title, legend = "Listeners by day", (Legend("returning", "one"), Legend("new", "two"))
    new = [float(row["new_listeners"]) for row in rows]
    if grain != "day":
        title = f"Listeners on an average day, by {grain}"
        new = [row["active_a_day"] - row["returning_a_day"] for row in rows]
    picture = Picture(
        title,
        partial(
            charts.stacked,
            [row["period"] for row in rows],
            [
                charts.Series("", "one", [row["returning_a_day"] for row in rows]),
                charts.Series("", "two", new),
            ],
            grain,
            f"{title}: new and returning",
        ),
        Table(
            title,
            [
                Column(grain),
                Column("active a day", "number"),
                Column("returning a day", "number"),
                Column("new in all", "number"),
            ],
            [
                (
                    period(row["period"], grain),
                    number(row["active_a_day"]),
                    number(row["returning_a_day"]),
                    number(row["new_listeners"]),
                )
                for row in rows
            ],
        ),
        legend,
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
    rows, grain = facts.answers["subscriptions"], facts.grain
    title = f"People on free and on paid, at the end of each {grain}"
    return Picture(
        title,
        partial(
            charts.steps,
            [row["period"] for row in rows],
            [
                charts.Series("", "three", [row["free"] for row in rows]),
                charts.Series("", "one", [row["paid"] for row in rows]),
            ],
            grain,
            title,
        ),
        Table(
            f"{title}; a {grain} without a change is left out",
            [Column(grain), Column("free", "number"), Column("paid", "number")],
            [
                (period(row["period"], grain), number(row["free"]), number(row["paid"]))
                for row in rows
            ],
        ),
        (Legend("paid", "one"), Legend("free", "three")),
    )


def _changes(facts: Facts) -> Picture:
    rows, grain = facts.answers["subscriptions"], facts.grain
    names = ("upgrades", "downgrades", "cancellations")
    colours = ("one", "two", "three")
    return Picture(
        f"Changes by {grain}",
        partial(
            charts.stacked,
            [row["period"] for row in rows],
            [
                charts.Series("", colour, [row[name] for row in rows])
                for name, colour in zip(names, colours, strict=True)
            ],
            grain,
            f"Upgrades, downgrades and cancellations by {grain}",
        ),
        Table(
            f"Changes by {grain}",
            [Column(grain), *(Column(name, "number") for name in names)],
            [
                (period(row["period"], grain), *(number(row[name]) for name in names))
                for row in rows
            ],
        ),
        [Legend(name, colour) for name, colour in zip(names, colours, strict=True)],
    )

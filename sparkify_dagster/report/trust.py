"""What is said of the data itself: plays that match no song, rejected records, failed loads.

What belongs here: sections made from answers, without reading or drawing anything.
"""

from __future__ import annotations

from sparkify_dagster.core.reject_reasons import cause_of, causes
from sparkify_dagster.core.text import count
from sparkify_dagster.pipeline.audit import Finding
from sparkify_dagster.report.facts import Facts, Record
from sparkify_dagster.report.view import Column, Section, Table, bars_of
from sparkify_dagster.report.words import NONE, brief, clean, more, number, share

QUALITY = "quality"
_PLAYS = Column("plays", "number")
_SONG = Column("song", "name")
_LINE = Column("line for [S3] ALIASES", "name")
_REASONS = 8
_IDLE = 10
_WAYS = {
    "exact": "as delivered",
    "alias": "by an alias",
    "repaired": "repaired, as they were UTF-8 read as Latin-1 or Windows-1252",
}
_LOADED = ("objects", "records", "rows", "rejected", "latest load")


def unmatched(facts: Facts) -> Section:
    """Plays whose song is not in the catalogue, why, and what comes closest."""
    head = facts.headline
    reasons = facts.answers["unmatched_reasons"]
    close, missing = facts.answers["unmatched_close"], facts.answers["unmatched_missing"]
    left = head.plays - head.matched
    finding = "Every play has its song in the catalogue." if head.plays else "No plays yet."
    if left:
        finding = (
            f"{count(left, 'play')} of {number(head.plays)}, {share(left, head.plays)}, name no "
            "song of the catalogue. Where one comes close, mend its title or artist in the lake, "
            "or add the line beside it to the document of aliases; the next load then matches them."
        )
    found, idle = facts.answers["matched_by"], list(facts.idle_aliases.items())
    tables = (
        Table(
            "How the other plays found their song",
            [Column("names compared"), _PLAYS],
            [(_WAYS[row["matched_by"]], number(row["plays"])) for row in found],
            bars_of([row["plays"] for row in found]),
        ),
        Table(
            "Why",
            [Column("reason"), Column("names", "number"), _PLAYS],
            [(row["reason"], number(row["names"]), number(row["plays"])) for row in reasons],
            bars_of([row["plays"] for row in reasons]),
        ),
        Table(
            "Something in the catalogue comes close",
            [_SONG, Column("closest in the catalogue", "name"), _PLAYS, _LINE],
            [(_song(row), _closest(row), number(row["plays"]), _line(row)) for row in close],
            more=_more_unmatched(facts, "unmatched_close"),
        ),
        Table(
            "Nothing in the catalogue comes close",
            [_SONG, Column("last played", "number"), _PLAYS],
            [(_song(row), brief(row["last_played"]), number(row["plays"])) for row in missing],
            more=_more_unmatched(facts, "unmatched_missing"),
        ),
        Table(
            "Aliases that do not help",
            [_SONG, Column("song id", "name"), Column("why", "name")],
            [((clean(s), clean(a)), clean(i), why) for (s, a, i), why in idle[:_IDLE]],
            more=more(max(len(idle) - _IDLE, 0), "alias", "aliases"),
        ),
    )
    shown = [table for table in tables if table.rows]
    names = ("matched_by", "unmatched_reasons", "unmatched_close", "unmatched_missing")
    return Section("unmatched", "Plays without a song", finding, names, tables=shown)


def quality(facts: Facts) -> Section:
    """What was loaded, what was rejected, what failed."""
    head, loaded = facts.headline, facts.answers["loaded"]
    failed = facts.answers["failed_parts"]
    records = sum(row["records"] for row in loaded)
    told = [
        f"{count(head.rejects, 'record')} of {number(records)} rejected"
        if head.rejects
        else "No record was rejected",
        f"{count(facts.failed, 'part')} failed to load and keep what they last published"
        if failed
        else "the last load of every part succeeded",
    ]
    if left := sum(r["records"] - r["row_count"] - r["rejects"] for r in loaded):
        told.append(f"{count(left, 'record')} of forgotten people left out")
    tables = [
        Table(
            "Loaded from the lake",
            [Column("table"), *(Column(name, "number") for name in _LOADED)],
            [
                (
                    row["target"],
                    *(number(row[n]) for n in ("objects", "records", "row_count", "rejects")),
                    brief(row["loaded_at"]),
                )
                for row in loaded
            ],
            empty="Nothing yet.",
        ),
        _rejected(facts),
        Table(
            "Checks that only warn",
            [Column("what they found", "name"), Column("all well", "number")],
            [(_found(check), "yes" if check.passed else "no") for check in facts.warnings],
        ),
        Table(
            "Failed loads",
            [Column("table"), Column("part"), Column("when"), Column("why", "name")],
            [
                (row["target"], row["part"], brief(row["failed_at"]), clean(row["message"]))
                for row in failed
            ],
            more=more(facts.left_out("failed_parts"), "part", "parts"),
        ),
    ]
    names = ("headline", "loaded", "reject_reasons", "failed_parts")
    finding = f"{', '.join(told)}. Blocking checks passed before anything here was published."
    shown = [table for table in tables if table.rows or table.empty]
    return Section(QUALITY, "How good the data is", finding, names, tables=shown)


def _rejected(facts: Facts) -> Table:
    found = causes(
        (
            (cause_of(row["reason"], row["target_table"]), row["records"])
            for row in facts.answers["reject_reasons"]
        ),
        _REASONS,
    )
    rest = more(found.others, "reason", "reasons")
    return Table(
        "Rejected records, by reason",
        [Column("reason", "name"), Column("records", "number")],
        [((clean(cause.reason), cause.table), number(records)) for cause, records in found.told],
        bars_of([records for _, records in found.told]),
        more=f"{rest}, {count(found.other_records, 'record')}" if rest else "",
    )


def _more_unmatched(facts: Facts, question: str) -> str:
    return more(facts.left_out(question), "in the table unmatched_plays")


def _found(finding: Finding) -> tuple[str, str]:
    check = finding.check
    if finding.passed:
        return check.claim, ""
    told = check.failure(finding.numbers)
    if fields := [clean(row["field"]) for row in finding.sample if "field" in row]:
        told = f"{told.removesuffix('.')}: {', '.join(fields)}."
    return told, check.remedy.replace("`", "")


def _song(row: Record) -> tuple[str, str]:
    return clean(row["title"]) or NONE, clean(row["artist_name"]) or NONE


def _line(row: Record) -> str:
    """The alias, where a page can show it letter by letter."""
    return row["alias"] if row["alias"] and clean(row["alias"]) == row["alias"] else ""


def _closest(row: Record) -> tuple[str, str]:
    told = (clean(row["closest_title"]), clean(row["closest_artist"]))
    return " · ".join(filter(None, told)), row["reason"]

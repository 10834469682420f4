"""`sparkify unmatched` and `sparkify alias`: which plays find no song, and saying which they mean.

What belongs here: showing them, and writing a line to the document of aliases. What comes closest
is `pipeline.unmatched`'s.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Mapping
from dataclasses import asdict

import typer

from sparkify_dagster.cli.console import (
    command,
    command_line,
    grid,
    note,
    offer,
    print_json,
    say,
    show,
    warn,
)
from sparkify_dagster.cli.watching import watching
from sparkify_dagster.core.match_name import match_name
from sparkify_dagster.core.text import cited, count, printable
from sparkify_dagster.factory import amend_document, open_lake, open_warehouse, place_to_keep
from sparkify_dagster.lake.documents import (
    Alias,
    Aliases,
    Document,
    alias_line,
    appended,
    read_aliases,
)
from sparkify_dagster.lake.errors import LakeError
from sparkify_dagster.pipeline.unmatched import Song, Unmatched, idle_aliases, song_of, unmatched
from sparkify_dagster.settings import Settings
from sparkify_dagster.warehouse import ledger
from sparkify_dagster.warehouse.engine import Session, WarehouseMissing

_NEXT = "The next load matches these plays: `sparkify etl`."


def run_unmatched(settings: Settings, *, limit: int, as_json: bool) -> None:
    """Prints what is played most without a song, and aliases that do not help."""

    def look(session: Session) -> tuple[list[Unmatched], dict[Alias, str]]:
        return unmatched(session, limit), idle_aliases(session)

    with watching():
        found, idle = open_warehouse(settings).read_only(look)
    if as_json:
        print_json(
            {"unmatched": [_as_json(each) for each in found], "idle_aliases": _aliases(idle, idle)}
        )
        return
    if found:
        _show(found)
    else:
        say("Every play has its song.")
    if proposed := [text for each in found if (text := _command(each))]:
        say("Aliases for what is most alike; whether it is the same recording, only you can say:")
        for text in proposed:
            command(text)
        if not settings.s3.aliases:
            note("First say in [S3] ALIASES where the document of aliases is to be.")
    for (song, artist, song_id), why in idle.items():
        warn(f"alias of {cited(song)} by {cited(artist)} to {cited(song_id)}: {why}.")


def run_alias_add(settings: Settings, alias: Alias, *, force: bool) -> None:
    """Adds an alias to the document, once.

    Args:
        force: Also where it would not help.
    """
    song, artist, song_id = alias
    if (line := alias_line(*alias)) is None:
        raise typer.BadParameter(
            "TITLE and ARTIST may have 1,024 bytes, SONG_ID 256, none of them a NUL."
        )
    place = place_to_keep(settings, "ALIASES")
    names = match_name(song), match_name(artist)
    with watching():
        known = _require_helpful(settings, names, song_id, force=force)
    before: list[str] = []

    def amend(data: bytes | None) -> bytes | None:
        if data is None and known:
            raise LakeError(
                f"{place} ([S3] ALIASES) is gone, of which {count(known, 'alias', 'aliases')} were "
                "loaded. Put it back: a new one would take them away."
            )
        held = read_aliases(Document(place, lambda: data or b""))
        before[:] = [row[2] for row in held.rows if row[:2] == names]
        return None if before == [song_id] else appended(data, [line])

    amend_document(settings, "ALIASES", amend)
    if before == [song_id]:
        say(f"{place} says so already.")
        return
    if before:
        say(f"Until now these plays were of {printable(before[0])}.")
    say(f"Added to {place}: {line}")
    offer(_NEXT)


def _require_helpful(
    settings: Settings, names: tuple[str, str], song_id: str, *, force: bool
) -> int:
    """Refuses an alias that would not help; gives how many the warehouse knows.

    Raises:
        typer.BadParameter: The catalogue has no such song, or it has these names already.
    """

    def look(session: Session) -> tuple[Song | None, int]:
        ledger.ready_tables(session)
        aliases = f"SELECT COUNT(*) FROM {ledger.relation(session, 'song_aliases')}"
        return song_of(session, song_id), int(session.query(aliases)[0][0])

    try:
        song, known = open_warehouse(settings).read_only(look)
    except WarehouseMissing:
        if force:
            return 0
        raise
    problem = ""
    if song is None:
        problem = f"the catalogue has no song {cited(song_id)}; the alias would rest until it comes"
    elif (match_name(song.title or ""), match_name(song.artist or "")) == names:
        problem = f"{cited(song_id)} has this title and artist itself"
    if problem and not force:
        raise typer.BadParameter(f"{problem}. --force adds it all the same.")
    if problem:
        warn(f"{problem}.")
    return known


def run_alias_list(settings: Settings, *, as_json: bool) -> None:
    """Prints what the document says, and which aliases do not help as they were loaded."""
    document = open_lake(settings).aliases
    rows = sorted((read_aliases(document) if document else Aliases()).rows)
    try:
        idle = open_warehouse(settings).read_only(idle_aliases)
    except WarehouseMissing:
        idle = {}
    if as_json:
        print_json({"document": settings.s3.aliases or None, "aliases": _aliases(rows, idle)})
    elif not rows:
        say("No aliases." if document else "No aliases: [S3] ALIASES is blank.")
    else:
        table = grid("song_id", "title", "artist", "does not help, as")
        for song, artist, song_id in rows:
            why = idle.get((song, artist, song_id), "")
            table.add_row(*map(printable, (song_id, song, artist, why)))
        show(table)


def _show(found: list[Unmatched]) -> None:
    table = grid("plays", "title", "artist", "why", "closest", right=("plays",))
    for each in found:
        closest = "; ".join(f"{s.title} by {s.artist} ({s.song_id})" for s in each.closest)
        words = each.title, each.artist, each.reason, closest
        table.add_row(f"{each.plays:,}", *map(printable, words))
    show(table)
    say()


def _command(each: Unmatched) -> str:
    """What is typed to add the alias that is proposed; blank where a shell cannot be told so."""
    song = each.proposed
    words = (song.song_id, each.title, each.artist) if song else ()
    if not words or any(printable(word) != word for word in words):
        return ""
    options_end = "-- " if any(word.startswith("-") for word in words) else ""
    return command_line(f"alias add {options_end}{shlex.join(words)}")


def _as_json(each: Unmatched) -> dict[str, object]:
    """With the line of the document of aliases that would be added."""
    song = each.proposed
    alias = {"song": each.title, "artist": each.artist, "song_id": song.song_id} if song else None
    told = asdict(each) | {"closest": [song._asdict() for song in each.closest], "alias": alias}
    told.pop("proposed")
    return told


def _aliases(aliases: Iterable[Alias], idle: Mapping[Alias, str]) -> list[dict[str, object]]:
    return [
        {"song": song, "artist": artist, "song_id": song_id, "does_not_help": why}
        for song, artist, song_id in aliases
        for why in [idle.get((song, artist, song_id))]
    ]

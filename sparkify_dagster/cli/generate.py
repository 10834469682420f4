"""`sparkify generate`: a sample lake on disk. Also the demo's way to one.

What belongs here: where the lake goes, progress, what to do next. What is in it is `generator`'s.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Mapping
from datetime import date
from pathlib import Path

import typer

from sparkify_dagster.cli.console import near, offer, say, size
from sparkify_dagster.cli.watching import watching
from sparkify_dagster.core.progress import report
from sparkify_dagster.core.text import count
from sparkify_dagster.generator import GeneratedLake, LakeSpec, generate_lake
from sparkify_dagster.settings import Settings

_LAYOUT = ("song_data", "log_data", "log_json_path.json")


def run_generate(
    target: Path | None,
    numbers: Mapping[str, int],
    start: str,
    mess: bool,
    settings: Callable[[], Settings],
) -> None:
    """Writes a lake.

    Args:
        settings: Gives the settings; asked only when there is no target.
    """
    try:
        spec = LakeSpec(**numbers, start=date.fromisoformat(start), mess=mess)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None
    root = target or _root_or_refuse(settings())
    try:
        made = write(root, spec)
    except KeyboardInterrupt:
        raise KeyboardInterrupt(
            f"The lake in {_named(root)} is not complete: remove it before you make it anew."
        ) from None
    say(f"Made {described(made)} in {_named(root)}.")
    if target is None:
        offer("Load it with `sparkify etl`.")
    else:
        say(f"Point [S3] SONG_DATA, LOG_DATA and LOG_JSONPATH at {', '.join(_LAYOUT)} in it.")


def described(made: GeneratedLake) -> str:
    """What a generated lake holds, in words."""
    return (
        f"a lake of {count(made.song_objects, 'song object')} and {made.events:,} log records in "
        f"{count(made.log_objects, 'log object')} ({size(made.bytes)})"
    )


def write(root: Path, spec: LakeSpec) -> GeneratedLake:
    """Writes a lake and shows how far it has come.

    Raises:
        OSError: It cannot be written, or there is one already.
    """
    with watching():
        return generate_lake(root, spec, lambda what, *far: report(f"making {what}", *far))


def write_whole(root: Path, spec: LakeSpec) -> GeneratedLake:
    """Writes a lake that appears only when it is complete.

    Raises:
        OSError: It cannot be written.
    """
    making = root.with_name(f".{root.name}-in-the-making")
    shutil.rmtree(making, ignore_errors=True)
    made = write(making, spec)
    root.mkdir(parents=True, exist_ok=True)
    for name in _LAYOUT:
        (making / name).rename(root / name)
    making.rmdir()
    return made


def lake_root(settings: Settings) -> Path | None:
    """The folder in which a generated lake lies just as the settings say; None if there is none."""
    places = [settings.s3.song_data, settings.s3.log_data, settings.s3.log_jsonpath]
    root = Path(places[0]).parent
    lies_there = places == [str(root / name) for name in _LAYOUT]
    return root if lies_there and not places[0].startswith("s3://") else None


def _named(root: Path) -> str:
    """The folder as a sentence can name it: a dot or two would end it."""
    path = near(os.path.abspath(root))
    return "this folder" if path == "." else path


def _root_or_refuse(settings: Settings) -> Path:
    root = lake_root(settings)
    if root is None:
        raise typer.BadParameter(
            f"[S3] does not name {', '.join(_LAYOUT)} in one local folder, so it is not clear "
            "where the lake should go; name a folder.",
            param_hint="'[TARGET]'",
        )
    return root

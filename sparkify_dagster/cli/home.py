"""Where Dagster keeps its history for who works in this folder, and which runs are lost there.

What belongs here: what is known of it without importing Dagster, which takes seconds.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sparkify_dagster.cli.console import warn
from sparkify_dagster.liveness.locks import FOLDER, runs_with
from sparkify_dagster.settings import SettingsError

if TYPE_CHECKING:
    from sparkify_dagster.lost_runs import Lost

ENDED_BY = "The daemon ends its record within seconds; without one, the next `sparkify etl` does."
_STORAGES = ("run_storage", "event_log_storage", "instance_class")
"""How else than by `storage` a `dagster.yaml` can say where the history is."""


@dataclass(frozen=True, slots=True)
class History:
    """Where Dagster's history is kept.

    Attributes:
        folder: Of its files, and of what Dagster keeps in files anyway.
        elsewhere: Where else it is kept; blank: in the folder.
    """

    folder: Path
    elsewhere: str = ""


def dagster_home() -> Path | None:
    """The folder that `DAGSTER_HOME` names; None where it is not set.

    Raises:
        SettingsError: There is no such folder.
    """
    named = os.environ.get("DAGSTER_HOME")
    if not named:
        return None
    home = Path(named).expanduser()
    if not home.is_absolute():
        wanted = f"DAGSTER_HOME is {named}; Dagster wants a whole path, such as {home.absolute()}."
        raise SettingsError([wanted])
    if not home.is_dir():
        found = "no folder" if home.exists() else "not there"
        wrong = (
            f"DAGSTER_HOME names {home}, which is {found}. Make it (mkdir -p), correct it, or "
            "unset DAGSTER_HOME to keep the history in .dagster of the current folder."
        )
        raise SettingsError([wrong])
    return home


def history() -> History:
    """Where the history is kept.

    Raises:
        SettingsError: `DAGSTER_HOME` names no folder.
    """
    home, here = dagster_home(), Path.cwd()
    base = home or here / ".dagster"
    settings = next(
        (path for path in [here / "dagster.yaml"] if home is None and path.exists()),
        base / "dagster.yaml",
    )
    told = _read(settings)
    storage = told.get("storage")
    files = storage.get("sqlite") if isinstance(storage, dict) else None
    if isinstance(files, dict) and isinstance(files.get("base_dir"), str):
        return History(here / files["base_dir"])
    kinds = [*storage] if isinstance(storage, dict) else [n for n in _STORAGES if n in told]
    return History(base, f"{', '.join(kinds)}, see {settings}" if kinds else "")


def lost_runs() -> list[str]:
    """The runs of this folder's history whose process is gone, as far as files tell.

    Raises:
        SettingsError: `DAGSTER_HOME` names no folder.
    """
    return runs_with("free", history().folder / FOLDER)


def runs_found_lost(kept: History) -> list[Lost]:
    """What Dagster's records and all signs of life tell of it, which takes seconds."""
    if not (kept.elsewhere or (kept.folder / FOLDER.parent).is_dir()):
        return []
    from sparkify_dagster.launch import open_instance
    from sparkify_dagster.lost_runs import find_lost

    with open_instance(dagster_home()) as instance:
        return find_lost(instance)[0]


def end_lost_runs() -> None:
    """Ends them, and says so; asks Dagster only if there are any."""
    if not lost_runs():
        return
    from sparkify_dagster.launch import open_instance
    from sparkify_dagster.lost_runs import end_lost

    with open_instance(dagster_home()) as instance:
        for lost in end_lost(instance)[0]:
            warn(lost.told)


def _read(path: Path) -> dict[str, Any]:
    """A `dagster.yaml`; nothing where there is none, or none that can be read."""
    import yaml

    try:
        told = yaml.safe_load(path.read_bytes())
    except (OSError, yaml.YAMLError):
        return {}
    return told if isinstance(told, dict) else {}

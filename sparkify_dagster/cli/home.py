"""Where Dagster keeps its history for who works in this folder, and which runs are lost there.

What belongs here: what is known of it without importing Dagster, which takes seconds.
"""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sparkify_dagster.cli.console import warn
from sparkify_dagster.cli.errors import explained
from sparkify_dagster.core.text import printable
from sparkify_dagster.defs.home import home_of
from sparkify_dagster.defs.liveness.locks import FOLDER, lock_of
from sparkify_dagster.settings import Settings, SettingsError

ENDED_BY = "The daemon ends its record within seconds; without one, the next `sparkify etl` does"
_BEGUN = (
    "SELECT run_id FROM runs WHERE status IN ('NOT_STARTED', 'STARTING', 'STARTED', 'CANCELING')"
)
_LATELY = "end_time > strftime('%s', 'now') - 86400"
_WAITING = (
    f"SELECT run_id FROM runs WHERE status = 'QUEUED' OR status = 'CANCELED' AND {_LATELY} LIMIT 1"
)
_FAILED = f"SELECT run_id FROM runs WHERE status = 'FAILURE' AND {_LATELY}"
_STEP_FAILED = "SELECT 1 FROM event_logs WHERE dagster_event_type = 'STEP_FAILURE' LIMIT 1"
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
        raise SettingsError([printable(wanted)])
    if not home.is_dir():
        found = "no folder" if home.exists() else "not there"
        wrong = (
            f"DAGSTER_HOME names {home}, which is {found}. Make it (mkdir -p), correct it, or "
            "unset DAGSTER_HOME to keep the history in .dagster of the current folder."
        )
        raise SettingsError([printable(wrong)])
    return home


def home_for(settings: Settings) -> Path | None:
    """The same for the runs of these settings: what an environment did is not told of production.

    Raises:
        SettingsError: There is no such folder.
    """
    home, name = dagster_home(), settings.warehouse.environment
    return (home or Path.cwd() / ".dagster") / "environments" / name if name else home


def history() -> History:
    """Where the history is kept.

    Raises:
        SettingsError: `DAGSTER_HOME` names no folder, or what is here without it is another user's.
    """
    try:
        home = home_of(dagster_home(), Path.cwd())
    except OSError as error:
        found = f"{error.filename} {error.strerror}. Remove it, or set DAGSTER_HOME."
        raise SettingsError([printable(found)]) from None
    told = _read(home.settings)
    storage = told.get("storage")
    files = storage.get("sqlite") if isinstance(storage, dict) else None
    if isinstance(files, dict) and isinstance(files.get("base_dir"), str):
        return History(Path.cwd() / files["base_dir"])
    kinds = [*storage] if isinstance(storage, dict) else [n for n in _STORAGES if n in told]
    return History(home.base, f"{', '.join(kinds)}, see {home.settings}" if kinds else "")


@dataclass(frozen=True, slots=True)
class Runs:
    """What is to be said of runs.

    Attributes:
        lost: Those whose process is gone and whose record says otherwise.
        notes: Those that wait or begin, and those that broke off in the last day.
        problem: Why none of it is known.
    """

    lost: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    problem: str = ""


def runs_told() -> Runs:
    """What is to be said of runs; asks Dagster, which takes seconds, only if there may be any.

    Raises:
        SettingsError: `DAGSTER_HOME` names no folder.
    """
    kept = history()
    if not (kept.elsewhere or _has_doubtful(kept) or _has_news(kept)):
        return Runs()
    from sparkify_dagster.defs.instance import open_instance
    from sparkify_dagster.defs.sensors.run_notes import run_notes

    try:
        with open_instance(dagster_home()) as instance:
            return Runs(*run_notes(instance))
    except Exception as error:  # Dagster's storage may be anybody's, and quote its password.
        told = explained(error)
        unknown = f"Dagster's history cannot be opened ({type(error).__name__})"
        return Runs(problem=told[1] if told else f"{unknown}; `dagster instance info` says more.")


def end_lost_runs() -> None:
    """Ends them, and says so; asks Dagster only if there is one in doubt."""
    if not _has_doubtful(history()):
        return
    from sparkify_dagster.defs.instance import open_instance
    from sparkify_dagster.defs.sensors.lost_runs import end_lost

    with open_instance(dagster_home()) as instance:
        for lost in end_lost(instance)[0]:
            warn(lost.told)


def _has_doubtful(kept: History) -> bool:
    """Whether a run has begun and not ended, and no process here is known to work on it."""
    begun = _asked(kept, "runs", _BEGUN)
    return any(lock_of(kept.folder / FOLDER / run_id) != "held" for run_id in begun)


def _has_news(kept: History) -> bool:
    """Whether a run waits, or lately was canceled or broke off without a step that failed."""
    if _asked(kept, "runs", _WAITING):
        return True
    return any(
        not _asked(kept, f"runs/{run}", _STEP_FAILED) for run in _asked(kept, "runs", _FAILED)
    )


def _asked(kept: History, name: str, query: str) -> list[str]:
    """What a file of the history answers; nothing where it cannot."""
    # What is not there, of another version or being made tells nothing.
    with suppress(sqlite3.Error):
        where = f"{(kept.folder / 'history' / f'{name}.db').absolute().as_uri()}?mode=ro"
        with closing(sqlite3.connect(where, uri=True)) as held:
            return [row[0] for row in held.execute(query)]
    return []


def _read(path: Path) -> dict[str, Any]:
    """A `dagster.yaml`; nothing where there is none, or none that can be read."""
    import yaml

    try:
        told = yaml.safe_load(path.read_bytes())
    except (OSError, yaml.YAMLError):
        return {}
    return told if isinstance(told, dict) else {}

"""The folder that Dagster's history lies in, and the `dagster.yaml` that counts for it.

What belongs here: finding both, for whoever looks at the files without Dagster, too; so nothing
here imports it.
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from sparkify_dagster.core.local_files import require_trusted

_HOME, _SETTINGS = ".dagster", "dagster.yaml"


class Home(NamedTuple):
    """Where Dagster keeps its files.

    Attributes:
        base: The folder of the history, there or not.
        configured: The folder of the `dagster.yaml` that counts.
    """

    base: Path
    configured: Path

    @property
    def settings(self) -> Path:
        """The `dagster.yaml` that counts, there or not."""
        return self.configured / _SETTINGS


def home_of(named: Path | None, folder: Path) -> Home:
    """The home that is named, else the one of a folder.

    Raises:
        OSError: What is found there without being named is another user's: Dagster runs whatever a
            `dagster.yaml` names.
    """
    if named is not None:
        return Home(named, named)
    base = folder / _HOME
    require_trusted(folder / _SETTINGS, base, base / _SETTINGS)
    return Home(base, folder if (folder / _SETTINGS).exists() else base)

"""What is done beside a load: tried, and told as a warning where it fails.

Nothing that comes after a COMMIT may turn a good load into a failed one: what is committed stands,
and Dagster must hear of it whatever becomes of plots, previews, sizes, old records or the report.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from contextlib import suppress
from typing import TypeVar

from sparkify_dagster.core import progress
from sparkify_dagster.core.errors import why

_Result = TypeVar("_Result")


class Extras:
    """Tries what a run does beside its load.

    Args:
        log: Takes a warning for the run's log.
    """

    def __init__(self, log: Callable[[str], object]) -> None:
        self._log = log
        self._said: set[str] = set()

    def tried(self, missing: str, make: Callable[[], _Result], default: _Result) -> _Result:
        """What `make` gives; the default, and a warning, where it cannot be made.

        Args:
            missing: What there is not then, as the beginning of a sentence.
        """
        try:
            return make()
        except Exception as error:  # Whatever it is: the load is done.
            self.warn(f"{missing}: {why(error)}")
            return default

    def warn(self, text: str) -> None:
        """Warns in the run's log and whoever watches, once of the same."""
        if text not in self._said:
            self._said.add(text)
            progress.warn(text)
            with suppress(Exception):  # Dagster's storage may be what is broken.
                self._log(text)


def lend_temporary_folder(folder: str) -> None:
    """Where there is no place for temporary files, lets this process use a folder for them.

    Matplotlib does not even start without one: with a read-only root there may be none.
    """
    try:
        tempfile.gettempdir()
    except FileNotFoundError:
        tempfile.tempdir = folder

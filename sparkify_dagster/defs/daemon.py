"""Dagster's daemon, which a clock that is set back does not stop: `dagster-daemon`, words and all.

Its loops and its sensors wait until the clock has passed their last look again, be that a day. What
belongs here: ending the process when the clock was set back, so that a service manager starts it
again, and letting the sensors look again at the start. All else is Dagster's.
"""

from __future__ import annotations

import os
import sys
import time
from importlib.metadata import entry_points
from threading import Thread

import dagster as dg

from sparkify_dagster.defs.liveness.verdict import LOOK_SECONDS
from sparkify_dagster.defs.sensors.lost_runs import wake_sensors

_LATER = 75
"""The exit code that says: start it again."""


def main() -> None:
    """Runs Dagster's daemon until it ends, or the clock is set back."""
    with dg.DagsterInstance.get() as instance:
        for told in wake_sensors(instance):
            print(told, file=sys.stderr)
    Thread(target=_watch_the_clock, name="clock", daemon=True).start()
    (daemon,) = entry_points(group="console_scripts", name="dagster-daemon")
    daemon.load()()


def _watch_the_clock() -> None:
    ahead = time.time() - time.monotonic()
    while (back := ahead - (ahead := time.time() - time.monotonic())) < LOOK_SECONDS:
        time.sleep(1)
    print(
        f"The clock was set back by {back:,.0f} s: the daemon ends, to begin anew.", file=sys.stderr
    )
    os._exit(_LATER)  # Its threads wait for the time that was; it may be killed at any moment.


if __name__ == "__main__":
    main()

"""A bare Dagster run: one op that does nothing, into a history like the platform's.

What `sparkify etl` cannot be without. It is a process from start to end, imports included.
"""

from __future__ import annotations

import dagster as dg

from bench.contenders.lake import arguments


@dg.op
def nothing() -> None:
    """Does nothing."""


@dg.job
def bare() -> None:
    """Runs the op."""
    nothing()


def main() -> None:
    """Runs the job in a folder beside the warehouse."""
    _, out = arguments()
    home = out / "bare"
    home.mkdir(exist_ok=True)
    quiet = {"telemetry": {"enabled": False}}
    with dg.DagsterInstance.local_temp(str(home), overrides=quiet) as instance:
        if not bare.execute_in_process(instance=instance).success:
            raise SystemExit("the bare run failed")


if __name__ == "__main__":
    main()

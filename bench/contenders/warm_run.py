"""A load as a warm process makes it: the modules are imported, the definitions built.

What is measured lasts from the request to the last event. A load of a lake of its own comes first,
as what a process does for the first time takes longer.
"""

from __future__ import annotations

import os

from bench.contenders.clock import Clock
from bench.contenders.lake import arguments
from bench.contenders.settings import settings_of
from sparkify_dagster.defs.instance import run_load
from sparkify_dagster.generator import LakeSpec, generate_lake


def main() -> None:
    """Brings the warehouse up to date with the lake named on the command line."""
    lake, out = arguments()
    before = out / "warm"
    generate_lake(before / "lake", LakeSpec(songs=20, events=300, days=2))
    os.chdir(before)
    run_load(settings_of(before / "lake", before))
    os.chdir(out)
    clock = Clock()
    result = run_load(settings_of(lake, out))
    if not result.success:
        raise SystemExit(f"the run failed: {result.failure}")
    clock.tell()


if __name__ == "__main__":
    main()

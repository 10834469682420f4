"""`sparkify watch` follows a lake: from each change to the COMMIT that shows it in all tables.

The process is warm: it has loaded the lake before. The changes are made just before it waits for
the lake to tell of them, as it does between its looks.
"""

from __future__ import annotations

import os
import time
from contextlib import closing
from typing import Any
from unittest.mock import patch

import sparkify_dagster.pipeline.load as order
from bench.contenders.clock import Clock
from bench.contenders.lake import arguments
from bench.contenders.live import changes, copy_of, held_mb
from bench.contenders.settings import settings_of
from sparkify_dagster.cli.watch import Watch


def main() -> None:
    """Follows a copy of the lake named on the command line while it changes."""
    lake, out = arguments()
    os.chdir(out)  # Dagster's history goes here.
    clock, live = Clock(), out / "live"
    begun = time.monotonic()
    day = copy_of(lake, live)
    published, publish = [0.0], order.publish_star

    def noted(*args: Any, **more: Any) -> Any:
        done = publish(*args, **more)  # It is committed when this returns.
        published[0] = time.monotonic()
        return done

    with (
        closing(Watch(settings_of(live, out))) as watch,
        patch.object(order, "publish_star", noted),
    ):
        watch.check()
        clock.add("full load", published[0] - begun)
        for name, change in changes(lake, live, day):
            change()
            begun = time.monotonic()
            while published[0] < begun:
                if not watch.wait():
                    raise SystemExit(f"{name}: the lake's folder did not tell of it")
                watch.check()
            clock.add(name, published[0] - begun)
        clock.tell(held_mb=held_mb(os.getpid()))


if __name__ == "__main__":
    main()

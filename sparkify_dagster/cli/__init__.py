"""The command line `sparkify`.

What belongs here: asking the core, saying its answers in words, tables and JSON, exit codes. What
does not: any decision about lake, tables or loads. `app` is the grammar; each other module is the
work of one command, or something several of them share, and is imported only when it is needed:
`sparkify --help` must not wait for a database.
"""

from __future__ import annotations

import atexit
import gc
import os
import sys
import traceback
from contextlib import suppress

_YOUNG = 500_000
"""How many objects more there may be before Python looks which of them are garbage."""


def main() -> None:
    """Runs the command line and exits with its code."""
    if sys.getfilesystemencoding() != "utf-8":
        # DuckDB takes paths as UTF-8, whatever the locale says of them.
        os.execv(sys.executable, [sys.executable, "-X", "utf8", *sys.orig_argv[1:]])
    # Nearly all that is made are modules, which stay; Python would look every 700 objects.
    gc.set_threshold(_YOUNG)
    codes: list[int] = []
    atexit.register(_leave, codes)  # As the first of all, so that it is called as the last.
    try:
        from sparkify_dagster.cli.app import app
        from sparkify_dagster.cli.pipes import ignore_broken_pipe

        for name in ("stdout", "stderr"):
            with suppress(AttributeError, OSError, ValueError):  # Closed by who calls.
                setattr(sys, name, ignore_broken_pipe(getattr(sys, name)))

        app()
    except Exception:
        from sparkify_dagster.core.text import harmless

        # Indented: no line of what it quotes can pass for one of ours.
        print("  " + harmless(traceback.format_exc()).replace("\n", "\n  "), file=sys.stderr)
        codes.append(1)
        sys.exit(1)
    except KeyboardInterrupt:
        codes.append(130)
        sys.exit(130)
    except SystemExit as end:
        if isinstance(end.code, int):
            codes.append(end.code)
        raise


def _leave(codes: list[int]) -> None:
    """Ends the process without taking apart what it imported: a fifth of a small load's time.

    Args:
        codes: The exit code; none where it ends in another way than a command does.
    """
    if codes:
        try:
            sys.stdout.flush()
            sys.stderr.flush()
        except OSError:
            return  # Python itself says so, in its own way.
        os._exit(codes[0])

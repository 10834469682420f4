"""The command line `sparkify`.

What belongs here: asking the core, saying its answers in words, tables and JSON, exit codes. What
does not: any decision about lake, tables or loads. `app` is the grammar; each other module is the
work of one command, or something several of them share, and is imported only when it is needed:
`sparkify --help` must not wait for a database.
"""

from __future__ import annotations

import sys


def main() -> None:
    """Runs the command line and exits with its code."""
    try:
        for stream in (sys.stdout, sys.stderr):
            # A terminal that cannot show a character gets a question mark, not a crash.
            if hasattr(stream, "reconfigure"):
                stream.reconfigure(errors="replace")
        from sparkify_dagster.cli.app import app

        app()
    except KeyboardInterrupt:
        sys.exit(130)

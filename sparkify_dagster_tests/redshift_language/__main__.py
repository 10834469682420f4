"""`python -m sparkify_dagster_tests.redshift_language`: statements in, findings out.

Reads one JSON string a line from standard input and prints a line for each finding. Ends with 1 if
there is any, with 0 if none, with 2 if a line is no JSON string.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable

from sparkify_dagster_tests.redshift_language.guard import findings


def run(lines: Iterable[str]) -> int:
    """Prints what is found; gives the exit code."""
    found = 0
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            statement = json.loads(line)
        except ValueError:
            statement = None
        if not isinstance(statement, str):
            print(f"line {number}: not a JSON string: write each statement as one", file=sys.stderr)
            return 2
        for finding in findings(statement):
            found += 1
            print(f"{number}: {finding}")
    return 1 if found else 0


if __name__ == "__main__":
    sys.stdin.reconfigure(encoding="utf-8", errors="replace")  # type: ignore[union-attr]
    sys.stdout.reconfigure(encoding="utf-8", errors="backslashreplace")  # type: ignore[union-attr]
    sys.exit(run(sys.stdin))

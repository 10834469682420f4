"""The session as text: a table for each case, the goals, what was left out, and where it ran."""

from __future__ import annotations

import json
import os
import platform
import subprocess
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

from bench.entrants import ENTRANTS
from bench.figures import Goal, Line

_PACKAGES = (
    "duckdb", "dagster", "dlt", "dbt-core", "dbt-duckdb", "pandas", "polars", "pyspark",
    "psycopg2-binary", "numpy", "pyarrow",
)  # fmt: skip


def machine(pythons: Mapping[str, str]) -> dict[str, object]:
    """The machine and the versions, so that figures can be placed."""
    return {
        "date": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "system": platform.platform(),
        "processor": _processor(),
        "cores": os.cpu_count(),
        "memory_gb": round(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 1e9, 1),
        "load_average": [round(number, 2) for number in os.getloadavg()],
        "java": _java(),
        "versions": {who: _versions(python) for who, python in pythons.items()},
    }


def text(
    made: Sequence[Line], goals: Sequence[Goal], notes: Sequence[str], where: Mapping[str, object]
) -> str:
    """The whole session in Markdown."""
    said = [
        "# Benchmark",
        "",
        f"{where['date']}, {where['cores']} cores, {where['memory_gb']} GB, {where['processor']}; "
        f"load average at the end {where['load_average']}. Files warm. Medians; ratios hold within "
        "a case. Seconds are the work alone; process counts start and end, too; processor is the "
        "time it computed.",
    ]
    for case in dict.fromkeys(line.case for line in made):
        said += ["", f"## {case.title}", "", f"{_HEAD.format(case.base)}", _RULE]
        said += [_row(line) for line in made if line.case == case]
    if goals:
        said += ["", "## Goals", "", "| | measured | goal | |", "|---|---|---|---|"]
        said += [
            f"| {goal.said} | {goal.reached:.2f} | {'≥' if goal.least else '≤'} {goal.bound:g} | "
            f"{'reached' if goal.good else 'missed'} |"
            for goal in goals
        ]
    if notes:
        said += ["", "## Left out", "", *(f"- {note}" for note in notes)]
    return "\n".join(said) + "\n"


_HEAD = "| contender | runs | seconds | least to most | process | processor | peak MB | ÷ {} |"
_RULE = "|---|---|---|---|---|---|---|---|"


def _row(line: Line) -> str:
    entrant = ENTRANTS.get(line.contender)
    name = f"{line.contender}: {entrant.said}" if entrant else line.contender
    ratio = f"{line.ratio:.2f}" if line.ratio is not None else ""
    if line.estimated:
        return f"| {name} | extrapolated | {line.seconds:.0f} | | | | | {ratio} |"
    return (
        f"| {name} | {line.times} | {line.seconds:.2f} | {line.least:.2f} to {line.most:.2f} | "
        f"{line.wall:.2f} | {line.cpu:.2f} | {line.peak_mb:.0f} | {ratio} |"
    )


def _processor() -> str:
    try:
        told = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    except OSError:
        return platform.processor() or "unknown processor"
    names = [line.partition(":")[2].strip() for line in told.splitlines() if "model name" in line]
    return names[0] if names else "unknown processor"


def _java() -> str:
    try:
        said = subprocess.run(["java", "-version"], capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return ""
    return said.stderr.splitlines()[0] if said.stderr else ""


def _versions(python: str) -> dict[str, str]:
    asked = (
        "import json, platform\n"
        "from importlib.metadata import PackageNotFoundError, version\n"
        "found = {'python': platform.python_version()}\n"
        f"for name in {_PACKAGES!r}:\n"
        "    try:\n        found[name] = version(name)\n"
        "    except PackageNotFoundError:\n        pass\n"
        "print(json.dumps(found))"
    )
    said = subprocess.run([python, "-c", asked], capture_output=True, text=True, check=True)
    found: dict[str, str] = json.loads(said.stdout)
    return found

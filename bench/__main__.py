"""`python -m bench`: makes the input, measures, and writes table, JSON and picture."""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from dataclasses import asdict
from pathlib import Path

from bench.figures import goals, lines
from bench.lakes import Lakes
from bench.measure import ROOT
from bench.plan import KINDS, QUICK, carry_out, full, only
from bench.plot import draw
from bench.report import machine, text
from bench.session import Session


def main() -> None:
    """Runs a session."""
    asked = _arguments()
    plan = QUICK if asked.quick else full(million_songs=asked.million_songs)
    plan = only(plan, asked.only) if asked.only else plan
    seconds = asked.minutes * 60 if asked.minutes else plan.seconds
    # The link, not what it leads to: an environment's Python is known by where it lies.
    pythons = {"platform": str(asked.platform.absolute()), "peers": sys.executable}
    with tempfile.TemporaryDirectory(prefix="sparkify-bench-", dir=asked.folder) as name:
        folder = Path(name)
        lakes = Lakes(folder / "lakes", pythons["platform"])
        session = Session(folder, pythons, time.monotonic(), seconds, lakes)
        try:
            carry_out(plan, session)
        except KeyboardInterrupt:
            session.notes.append("stopped by Ctrl-C: all that comes after is left out")
    made = lines(session.records)
    where, reached = machine(pythons), goals(made)
    asked.results.mkdir(parents=True, exist_ok=True)
    kept = {
        "machine": where,
        "quick": asked.quick,
        "measurements": session.plain(),
        "medians": [asdict(line) for line in made],
        "goals": [asdict(goal) for goal in reached],
        "left_out": session.notes,
    }
    (asked.results / "results.json").write_text(json.dumps(kept, indent=1), encoding="utf-8")
    said = text(made, reached, session.notes, where)
    (asked.results / "results.md").write_text(said, encoding="utf-8")
    draw(made, asked.results / "cost.svg")
    print(said)
    print(f"Kept as {asked.results}/results.json, results.md and cost.svg.")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="end within three minutes")
    parser.add_argument(
        "--million-songs", action="store_true", help="a million song files, too: +7 minutes"
    )
    parser.add_argument(
        "--only", choices=KINDS, help="one kind of work; shapes: lakes that were made to do harm"
    )
    parser.add_argument(
        "--minutes", type=float, help="stop after so many, instead of the plan's own time"
    )
    parser.add_argument(
        "--platform",
        type=Path,
        default=ROOT / ".venv" / "bin" / "python",
        help="the Python that has the platform and its dev extra",
    )
    parser.add_argument(
        "--results", type=Path, default=ROOT / "bench" / "results", help="where results go"
    )
    parser.add_argument(
        "--folder", type=Path, help="where lakes and warehouses go for the time (up to 25 GB)"
    )
    return parser.parse_args()


if __name__ == "__main__":
    main()

"""The fuzzer for half a minute; `make fuzz SECONDS=3600` gives it an hour."""

import subprocess
import sys
from pathlib import Path

import pytest


@pytest.mark.drill
def test_half_a_minute_of_odd_input_finds_nothing() -> None:
    # A process of its own: it goes to another folder, and reads in small pieces.
    command = [sys.executable, "-m", "sparkify_dagster_tests.fuzz", "30"]
    root = Path(__file__).parents[2]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("Tried: {")
    assert ": 0" not in done.stdout, "each target had its turn"

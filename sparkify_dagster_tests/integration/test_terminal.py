"""Names and texts from outside steer no terminal and forge no line, whatever is asked.

Hostile names and texts stand wherever somebody else may write one: objects and folders, days,
fields and values, settings, words of the command line. What each command prints is searched.
"""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from sparkify_dagster_tests.integration.cli_process import lake, on_terminal, sparkify

pytestmark = [pytest.mark.integration, pytest.mark.drill]
EVIL = "\x1b[95m\x1b]0;owned\x07\x9b2J\x7f\r\b\t\u202e\u2066\u2028\u0085\x0b\nFORGED"
"""Colour, title, clearing, carriage return, override, every end of a line; then a line."""
ARGUMENT = EVIL + "\udcff"
"""The same with a byte that is no UTF-8."""
_OUR_OWN = re.compile(r"\x1b\[(?!95)[0-9;]*m|\x1b\[\?25[lh]|\x1b\[2K|\x1b\[1A|\r")
"""What rich draws with: styles, the cursor, the bar drawn anew."""


def assert_harmless(said: str) -> None:
    odd = {c for c in said if not (c.isprintable() or c == "\n")}
    assert odd == set(), said
    assert [line for line in said.splitlines() if line.startswith("FORGED")] == []


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a hostile name and a lake of them, and a warehouse loaded from it."""
    made = tmp_path_factory.mktemp("terminal") / f"here {EVIL}"
    made.mkdir()
    root = lake(made)
    logs, songs = root / "log_data", root / "song_data"
    record = next(logs.rglob("*.json")).read_text().splitlines()[0]
    (songs / EVIL).mkdir()
    (songs / EVIL / f"TR{EVIL}.json").write_text('{"song_id": ' + json.dumps(EVIL) + "}")
    days = {
        f"2018-11-03-{EVIL}.json": json.dumps(json.loads(record) | {EVIL: 1, "song": EVIL}),
        f"2018-11-04-{EVIL}.json.gz": "no gzip",
        f"2018-11-05-{EVIL}.json": "\n".join([record, '{"ts": "' + EVIL + '"', EVIL]),
        f"2018-11-07-{ARGUMENT}.json": record, f"2018-13-45-{ARGUMENT}.json": "",
        f"no day {EVIL}.json": record,
        f"other {ARGUMENT}.csv": "",
    }  # fmt: skip
    for name, text in days.items():
        (logs / name).write_text(text)
    (logs / f"2018-11-06-{ARGUMENT}.json").symlink_to("/etc/passwd")
    (logs / f"link {ARGUMENT}").symlink_to(f"nowhere {ARGUMENT}")
    first = sparkify(made, "etl", SPARKIFY_LOAD__REJECT_LIMIT="1")
    assert first.code == 1, "days that cannot be read fail"
    assert_harmless(first.out + first.err)
    assert "FORGED" in first.out + first.err
    return made


COMMANDS: list[tuple[str, ...]] = [
    ("etl", "--dry-run", "--full"),
    ("etl", "--full"),
    ("retry",),
    ("status",),
    ("doctor",),
    ("rejects",),
    ("rejects", "--raw"),
    ("query", "SELECT * FROM load_rejects"),
    ("query", f"SELECT 1 AS \"{EVIL}\", '{EVIL}' AS b"),
    ("query", f"SELECT {EVIL}"),
    ("query", f'SELECT * FROM "{EVIL}"'),
    ("sql", ARGUMENT),
    ("sql", "song"),
    ("lineage", ARGUMENT),
    ("lineage", f"song.{ARGUMENT}"),
    ("report", "--no-open", "--output", f"{EVIL}.html"),
    ("report", "--no-open", "--output", f"{ARGUMENT}/x.html"),
    ("docs", f"site {EVIL}"),
    ("docs", "data"),
    ("generate", f"lake {EVIL}", "--songs", "2", "--events", "9", "--days", "1"),
    ("generate", "--days", ARGUMENT),
    ("create-tables",),
    ("create-tables", "--drop"),
    ("--help",),
    (ARGUMENT,),
    (f"--{ARGUMENT}",),
    ("etl", f"--{ARGUMENT}"),
    ("etl", "--days", ARGUMENT),
    ("status", ARGUMENT),
    ("--config", ARGUMENT, "status"),
    ("--config", "odd.cfg", "status"),
    ("--config", "odd.cfg", "doctor"),
    ("--config", "broken.cfg", "status"),
]


@pytest.fixture
def settings(folder: Path) -> Path:
    """Settings with hostile names and values beside those that are used."""
    text = EVIL.partition("\n")[0].replace("\r", "")
    odd = f"[{text}]\nA=1\n[S3]\n{text}=1\n[DUCKDB]\nTHREADS='{text}'\n[DAYS]\nFIRST={text}\n"
    (folder / "odd.cfg").write_text(odd)
    (folder / "broken.cfg").write_text(f"{text}\n[S3]\n")
    return folder


@pytest.mark.parametrize("words", COMMANDS, ids=lambda words: ascii(" ".join(words))[:40])
def test_no_command_prints_what_steers_a_terminal(settings: Path, words: tuple[str, ...]) -> None:
    said = sparkify(settings, *words)
    assert_harmless(said.out)
    assert_harmless(said.err)
    assert said.out + said.err


SCREENS: list[tuple[str, ...]] = [
    ("etl", "--full"),
    ("status",),
    ("doctor",),
    ("rejects", "--raw"),
    ("create-tables", "--drop"),
    ("query", f"SELECT 1 AS \"{EVIL}\", '{EVIL}' AS b"),
    ("--config", "odd.cfg", "status"),
    (ARGUMENT,),
]


@pytest.mark.parametrize("words", SCREENS, ids=lambda words: ascii(" ".join(words))[:40])
def test_no_command_steers_the_terminal_it_writes_to(
    settings: Path, words: tuple[str, ...]
) -> None:
    asks = 6 * ("--drop" in words)  # It waits for an answer.
    _, said = on_terminal(settings, *words, stop_after=asks, columns=400)
    assert_harmless(_OUR_OWN.sub("", said))
    assert said


@pytest.mark.parametrize(
    "words",
    [("etl", "--dry-run"), ("etl",), ("retry",), ("status",), ("doctor",), ("rejects",),
     ("report",), ("rejects", "--raw"), ("lineage", "song"),
     ("query", f"SELECT 1 AS \"{EVIL}\", '{EVIL}' AS b")],
    ids=" ".join,
)  # fmt: skip
def test_json_is_valid_and_harmless(folder: Path, words: tuple[str, ...]) -> None:
    said = sparkify(folder, *words, "--json")
    assert said.json
    assert_harmless(said.out)
    assert_harmless(said.err)


def test_a_watch_steers_no_terminal(folder: Path) -> None:
    _, said = on_terminal(folder, "watch", stop_after=8, columns=400)
    assert "Stopped" in said
    assert_harmless(_OUR_OWN.sub("", said))


@pytest.mark.parametrize("key", ["S3__LOG_DATA", "S3__LOG_JSONPATH", "DUCKDB__PATH", "DAYS__FIRST"])
def test_no_setting_steers_the_terminal(folder: Path, key: str) -> None:
    for words in (("etl", "--dry-run"), ("doctor",)):
        said = sparkify(folder, *words, **{f"SPARKIFY_{key}": f"/nowhere/{ARGUMENT}"})
        assert_harmless(said.out + said.err)

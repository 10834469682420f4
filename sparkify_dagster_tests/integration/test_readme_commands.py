"""What the README tells people to type works: each command is run on one small lake.

What belongs here: the commands of its code blocks and tables, as they stand there. Those that do
not end by themselves, or take minutes, are only looked up.
"""

from __future__ import annotations

import re
import shlex
import subprocess
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
import typer.main
from typer.testing import CliRunner

from sparkify_dagster.cli.app import app
from sparkify_dagster.generator import LakeSpec, generate_lake

pytestmark = pytest.mark.integration
ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCKS = "\n".join(re.findall(r"^```\n(.*?)^```", README, re.MULTILINE | re.DOTALL))
ROWS = dict(re.findall(r"^\| `sparkify ([^`]+)` \| (.*) \|$", README, re.MULTILINE))
TYPED = [
    *re.findall(r"^(?:\.venv/bin/)?sparkify (.+?)(?:\s+#.*)?$", BLOCKS, re.MULTILINE),
    *ROWS,
]
TARGETS = sorted(set(re.findall(r"(?:`|^)make ([a-z]+)", README, re.MULTILINE)))
NOT_RUN = {
    "demo": "takes seconds, has tests of its own",
    "forget": "asks first, has tests of its own",
    "watch": "ends by Ctrl-C only",
}
STANDS_FOR = {
    "SQL": "SELECT COUNT(*) FROM songplay",
    "[DAY]": "2018-11-01",
    "[TABLE]": "songplay",
    "[CHECK…]": "tables",
    "[DIR]": "site",
    "DIR": "exported",
    "NAME": "songplay.song_id",
    "USER_ID": "7",
    "generate": "generate another",
}
"""What is typed for a place-holder; without a folder `generate` refuses, as there is a lake."""


@pytest.fixture(scope="module", autouse=True)
def loaded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """The current folder, with a small lake that was loaded."""
    folder = tmp_path_factory.mktemp("readme")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        generate_lake(folder / "data" / "lake", LakeSpec(songs=5, events=60, days=2))
        code, said = run(["etl"])
        assert code == 0, said
        yield


def run(words: list[str]) -> tuple[int, str]:
    """Types a command; its exit code and all it says."""
    result = CliRunner(env={"TERMINAL_WIDTH": "300"}).invoke(app, words)
    return result.exit_code, result.output


def command(name: str) -> click.Command:
    program = typer.main.get_command(app)
    assert isinstance(program, click.Group)
    return program.commands[name]


def words_of(typed: str) -> list[str]:
    """The words to type, place-holders filled in."""
    filled = [STANDS_FOR.get(word, word) for word in shlex.split(typed)]
    unknown = [word for word in filled if word.isupper() or word.startswith("[")]
    assert not unknown, f"say in STANDS_FOR what is typed for {unknown}"
    first, *rest = filled
    return [*first.split(), *rest]


def test_the_readme_has_commands_to_try() -> None:
    assert {"etl", "status"} <= {typed.split()[0] for typed in TYPED}
    assert {"demo", "test", "dev", "docs"} <= set(TARGETS)


@pytest.mark.parametrize("typed", [t for t in TYPED if t.split()[0] not in NOT_RUN])
def test_a_command_of_the_readme_runs(typed: str) -> None:
    code, said = run(words_of(typed))
    assert code == 0, said


@pytest.mark.parametrize("name", NOT_RUN)
def test_a_command_that_is_not_run_here_is_there(name: str) -> None:
    assert run([name, "--help"])[0] == 0


@pytest.mark.parametrize("typed", ROWS)
def test_the_options_the_readme_names_are_there(typed: str) -> None:
    parameters = command(typed.split()[0]).params
    options = {option for p in parameters for option in (*p.opts, *p.secondary_opts)}
    assert set(re.findall(r"`[^`]*?(--[a-z-]+)", ROWS[typed])) <= options


def test_the_targets_of_the_readme_can_be_made() -> None:
    made = subprocess.run(
        ["make", "--dry-run", *TARGETS], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert made.returncode == 0, made.stderr

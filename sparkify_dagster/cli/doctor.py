"""`sparkify doctor`: is everything as it must be, and if not, what to do.

What belongs here: which questions are asked, in which order, and how the answers are shown. The
questions are in `doctor_machine`, `doctor_data` and `doctor_aws`; none changes anything.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict
from pathlib import Path

import typer
from rich.text import Text

from sparkify_dagster.cli import doctor_data as data
from sparkify_dagster.cli import doctor_machine as machine
from sparkify_dagster.cli.console import grid, near, offer_named, print_json, say, say_lines, show
from sparkify_dagster.cli.doctor_line import Line, State
from sparkify_dagster.cli.errors import FAILED, WRONG_USE, explained
from sparkify_dagster.core.text import count
from sparkify_dagster.factory import require_supported
from sparkify_dagster.settings import (
    Settings,
    SettingsError,
    in_s3,
    load_settings,
    set_in_environment,
)

Look = Callable[[Settings], Line | list[Line]]
_COLOURS = {"ok": "green", "warning": "yellow", "failed": "red", "not looked at": "yellow"}
_WIDEST = 100


def run_doctor(
    config: Path | None,
    only: Sequence[str] = (),
    environment: str = "",
    *,
    as_json: bool,
    deep: bool = False,
) -> int:
    """Prints a line for each check and gives the exit code.

    Args:
        only: The checks to make; none: all.
        environment: The environment that is looked at; blank: the settings name it.
        deep: Try every statement of a load, too.

    Raises:
        BadParameter: There is no such check with these settings.
    """
    lines = list(_lines(lambda: _usable(config, environment), only, deep=deep))
    if missing := [name for name in only if name not in {line.check for line in lines}]:
        raise typer.BadParameter(f"no check {missing[0]!r}; `sparkify doctor` names them.")
    if as_json:
        print_json([asdict(line) for line in lines])
    else:
        _show(lines)
    failed = {line.check for line in lines if line.state == "failed"}
    if "settings" in failed:
        return WRONG_USE
    return FAILED if failed else 0


def _lines(read: Callable[[], Settings], only: Sequence[str], *, deep: bool) -> Iterator[Line]:
    yield from (look() for name, look in _FIRST.items() if not only or name in only)
    try:
        settings = read()
    except SettingsError as error:
        yield Line("settings", "failed", str(error), "correct them, then run doctor again")
        for check in only or _ON_A_LAPTOP:
            yield Line(check, "not looked at", "the settings come first")
        return
    if not only or "settings" in only:
        yield Line("settings", "ok", _sources(settings))
    failed: set[str] = set()
    for check, look in (_checks(settings) | ({"deep": _deep} if deep else {})).items():
        if only and check not in only:
            continue
        if first := next((name for name in _AFTER.get(check, ()) if name in failed), None):
            yield Line(check, "not looked at", f"{first} comes first")
            continue
        for line in _careful(check, look, settings):
            if line.state == "failed":
                failed.add(check)
            yield line


_FIRST = {"python": machine.python, "packages": machine.packages}
_LAKE: dict[str, Look] = {"songs": data.songs, "logs": data.logs, "jsonpaths": data.jsonpaths}
_LOADED: dict[str, Look] = {
    "tables": data.tables,
    "loads": data.loads,
    "history": machine.dagster_history,
    "access": machine.access,
}
_ON_A_LAPTOP = _LAKE | {"warehouse": data.warehouse} | _LOADED | {"disk": machine.space}
_LOGGED_IN = ("clock", "host", "tls", "login")
_AFTER = {
    **dict.fromkeys(("regions", "songs", "logs", "jsonpaths"), ("clock",)),
    "tls": ("host",),
    "login": ("host", "tls"),
    **dict.fromkeys(("rights", "tables", "loads"), _LOGGED_IN[1:]),
    "staging": _LOGGED_IN,
    "role": (*_LOGGED_IN, "logs", "jsonpaths"),
    "deep": (*_LOGGED_IN, "rights", "staging"),
}
"""What need not be asked once something before it failed: it would say the same again."""


def _checks(settings: Settings) -> dict[str, Look]:
    """The questions that these settings raise, in the order in which one builds on the other."""
    on_redshift = settings.engine == "redshift"
    lake = settings.s3
    if not (on_redshift or in_s3(lake.log_data) or in_s3(lake.song_data)):
        return _ON_A_LAPTOP
    from sparkify_dagster.cli import doctor_aws as aws

    in_aws: dict[str, Look] = {"clock": aws.clock, "regions": aws.regions}
    if not on_redshift:
        return in_aws | _ON_A_LAPTOP
    connecting = {"host": aws.host, "tls": aws.tls, "login": aws.login, "rights": aws.rights}
    copying = {"staging": aws.staging, "role": aws.role}
    return in_aws | _LAKE | connecting | copying | _LOADED


def _usable(config: Path | None, environment: str) -> Settings:
    """The settings.

    Raises:
        SettingsError: They are wrong, or not for this version.
    """
    settings = load_settings(config, environment=environment)
    require_supported(settings)
    return settings


def _sources(settings: Settings) -> str:
    """Where the values come from: the file, the variables by name, the defaults."""
    told = [near(settings.source)] if settings.source else []
    if names := set_in_environment():
        told.append(f"from the environment: {', '.join(names)}")
    return "; ".join([*told, "else defaults"]) if told else "all defaults"


def _deep(settings: Settings) -> list[Line]:
    """Whether the cluster takes every statement of a load."""
    if settings.engine != "redshift":
        found = "is for Redshift: DuckDB takes every statement of a load, as our tests show"
        return [Line("deep", "not looked at", found)]
    from sparkify_dagster.cli.doctor_aws import redshift_of
    from sparkify_dagster.cli.doctor_deep import lines_of

    return list(lines_of(settings, redshift_of(settings)))


def _careful(check: str, look: Look, settings: Settings) -> list[Line]:
    """A check that cannot break the others."""
    try:
        found = look(settings)
        return found if isinstance(found, list) else [found]
    except Exception as error:
        told = explained(error)
        if told is None:
            raise
        return [Line(check, "failed", told[1])]  # Our errors end with what to do.


def _show(lines: list[Line]) -> None:
    table = grid("check", "", "found")
    table.columns[-1].max_width = _WIDEST  # A pipe would get lines of any length.
    for line in lines:
        table.add_row(line.check, Text(line.state, style=_COLOURS[line.state]), line.found)
    show(table)
    if any(line.state not in ("ok", "not looked at") for line in lines):
        say()
    for line in lines:
        if line.next_step:
            end = "" if "\n" in line.next_step else "."  # What is to be typed ends as it is.
            say_lines(f"Next for {line.check}: {line.next_step}{end}")
    offer_named(" ".join(f"{line.found} {line.next_step}" for line in lines))
    say()
    say(_conclusion([line.state for line in lines]))


def _conclusion(states: Sequence[State]) -> str:
    failed, warned = states.count("failed"), states.count("warning")
    unseen = " Not all could be looked at." if "not looked at" in states else ""
    if failed:
        return f"{count(failed, 'check')} failed.{unseen}"
    if unseen:
        return f"{unseen.strip()} {count(warned, 'warning')}." if warned else unseen.strip()
    return f"All is well, but for {count(warned, 'warning')}." if warned else "All is well."

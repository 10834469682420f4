"""From a file and variables to `Settings`: precedence, defaults, all problems at once.

What belongs here: the one function that whoever needs settings calls.
"""

import os
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

from pydantic import ValidationError

from sparkify_dagster.settings.catalogue import catalogue
from sparkify_dagster.settings.environment import read_environment
from sparkify_dagster.settings.file import absolute, choose_file, read_file
from sparkify_dagster.settings.problems import Given, SettingsError, Values, problem, shown
from sparkify_dagster.settings.rules import cluster_problems, lake_problems
from sparkify_dagster.settings.sections import Settings
from sparkify_dagster.settings.values import is_local


def load_settings(
    config: Path | None = None,
    environ: Mapping[str, str] | None = None,
    cwd: Path | None = None,
) -> Settings:
    """Read the configuration file and the environment, and check what they say together.

    The file is `config`, else the one `SPARKIFY_CONFIG` names, else `dwh.cfg` in the current
    folder if it is there, else none. A variable such as `SPARKIFY_DAYS__FIRST` overrides the
    file. A blank value, in either, is the default. A relative path starts from the file's
    folder if the file gives it, else from the current folder.

    Args:
        config: The configuration file; it must exist.
        environ: The environment; by default this process's.
        cwd: The current folder; by default this process's.

    Returns:
        The settings, with absolute paths and the file that was read as `source`.

    Raises:
        SettingsError: Something is unknown, malformed, missing or out of range; the
            message lists all of it, and never a secret.
    """
    environ = os.environ if environ is None else environ
    cwd = Path.cwd() if cwd is None else Path(os.path.abspath(cwd))
    source = choose_file(config, environ, cwd)
    problems: list[str] = []
    in_file = read_file(source, problems) if source else {}
    in_environ = read_environment(environ, cwd, problems)
    given = _complete(in_file | in_environ, cwd)
    settings = _validated(given, source, problems)
    problems += cluster_problems(given, source)
    if settings is not None:
        problems += lake_problems(settings, given)
    if problems or settings is None:
        raise SettingsError(problems)
    return settings


def _complete(given: Values, cwd: Path) -> Values:
    """Drop what is blank (it means the default), and make local paths absolute."""
    complete: Values = {}
    for at, info in catalogue().items():
        entry = given.get(at)
        if entry is None or not entry.value.strip():
            if not (info.local and info.default):
                continue
            where = f"section [{info.section}], key {info.key} (default)"
            entry = Given(info.default, where, cwd, info.how_to_set)
        if info.local and is_local(entry.value):
            entry = replace(entry, value=str(absolute(entry.value, entry.base)))
        complete[at] = entry
    return complete


def _validated(given: Values, source: Path | None, problems: list[str]) -> Settings | None:
    tree: dict[str, dict[str, str]] = {}
    for (section, key), entry in given.items():
        if not entry.broken:
            tree.setdefault(section.lower(), {})[key.lower()] = entry.value
    try:
        return Settings.model_validate({**tree, "source": source})
    except ValidationError as error:
        problems += _value_problems(error, given)
        return None


def _value_problems(error: ValidationError, given: Values) -> Iterator[str]:
    """The values that are not what they must be, each once, in words of our own."""
    seen: set[tuple[str, str]] = set()
    for detail in error.errors(include_url=False, include_input=False):
        at = _blamed(detail["loc"])
        if at in seen:
            continue
        seen.add(at)
        info, entry = catalogue()[at], given[at]
        whole_section = len(detail["loc"]) == 1
        expected = detail["msg"].removeprefix("Value error, ") if whole_section else info.expected
        yield problem(entry.where, shown(info, entry.value), expected, entry.fix)


def _blamed(loc: tuple[int | str, ...]) -> tuple[str, str]:
    """Section and key of an error; the one rule about a whole section blames [DAYS] LAST."""
    section, key = (str(part).upper() for part in (*loc, "last")[:2])
    return section, "SCHEMA" if key == "SCHEMA_NAME" else key

"""From a file and variables to `Settings`: what comes before what, defaults, all problems at once.

What belongs here: the one function that whoever needs settings calls.
"""

import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from pydantic import ValidationError

from sparkify_dagster.settings.catalogue import catalogue
from sparkify_dagster.settings.environment import read_environment
from sparkify_dagster.settings.file import absolute, choose_file, read_file
from sparkify_dagster.settings.problems import (
    Given,
    SettingsError,
    Values,
    cluster_problems,
    environment_problems,
    lake_problems,
    value_problems,
)
from sparkify_dagster.settings.sections import Settings
from sparkify_dagster.settings.values import is_local


def load_settings(
    config: Path | None = None,
    environ: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    environment: str = "",
) -> Settings:
    """Read the configuration file and the environment, and check what they say together.

    A variable overrides the file. A blank value, in either, is the default. A relative path starts
    from the file's folder if the file gives it, else from the current folder.

    Args:
        config: The configuration file; else `SPARKIFY_CONFIG` names it, or it is `dwh.cfg`, if
            that is there.
        environ: The environment; by default this process's.
        cwd: The current folder; by default this process's.
        environment: The environment to work in, whatever file and variables say.

    Raises:
        SettingsError: Something is unknown, malformed, missing or out of range; the
            message lists all of it, and never a secret.
    """
    environ = os.environ if environ is None else environ
    cwd = Path.cwd() if cwd is None else Path(os.path.abspath(cwd))
    source = choose_file(config, environ, cwd)
    problems: list[str] = []
    in_file = read_file(source, problems) if source else {}
    given = in_file | read_environment(environ, cwd, problems)
    if environment:
        typed = Given(environment, "the environment that is asked for", cwd, "give another name")
        given["WAREHOUSE", "ENVIRONMENT"] = typed
    given = _complete(given, cwd)
    settings = None
    try:
        settings = Settings.model_validate({**_tree(given), "source": source})
    except ValidationError as error:
        problems += value_problems(error, given)
    problems += cluster_problems(given, source)
    if settings is not None:
        problems += lake_problems(settings, given)
        problems += environment_problems(settings, given)
    if problems or settings is None:
        raise SettingsError(problems)
    return settings.in_environment(settings.warehouse.environment)


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


def _tree(given: Values) -> dict[str, dict[str, str]]:
    """The same as the fields of `Settings`."""
    tree: dict[str, dict[str, str]] = {}
    for (section, key), entry in given.items():
        if not entry.broken:
            tree.setdefault(section.lower(), {})[key.lower()] = entry.value
    return tree

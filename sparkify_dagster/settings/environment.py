"""What the variables say, with their names: `SPARKIFY_SECTION__KEY`.

Not the source of pydantic-settings: it cannot tell which variable a bad value came from, reads JSON
where a plain word is meant, and passes over a misspelt name.
"""

import os
from collections.abc import Mapping
from pathlib import Path

from sparkify_dagster.settings.catalogue import ENV_CONFIG, ENV_PREFIX, JOINT, catalogue
from sparkify_dagster.settings.problems import Given, Values, problem, rename


def read_environment(environ: Mapping[str, str], cwd: Path, problems: list[str]) -> Values:
    """What the variables say, blanks included; unknown ones that look meant are problems."""
    known = {info.env: info for info in catalogue().values()}
    single = {env.replace(JOINT, "_") for env in known}
    given: Values = {}
    for name in sorted(environ):
        upper = name.upper()
        if info := known.get(name):
            where = f"environment variable {name} (section [{info.section}], key {info.key})"
            fix = "correct the variable, or unset it"
            given[info.section, info.key] = Given(environ[name], where, cwd, fix)
        elif upper.startswith(ENV_PREFIX) and (
            JOINT in name or upper in single or (upper == ENV_CONFIG and name != ENV_CONFIG)
        ):
            step = rename(name, [*known, ENV_CONFIG])
            expected = f"{ENV_PREFIX}SECTION{JOINT}KEY, as docs/settings.md lists them"
            where = f"environment variable {name}"
            problems.append(problem(where, "unknown setting", expected, step))
    return given


def set_in_environment(environ: Mapping[str, str] | None = None) -> list[str]:
    """The variables that set something, by name; a blank one is the default."""
    given = read_environment(os.environ if environ is None else environ, Path(), [])
    return [catalogue()[at].env for at, entry in given.items() if entry.value.strip()]

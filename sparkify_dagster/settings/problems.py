"""What is wrong with settings, in words: place, what was found, what is expected, the next step.

What belongs here: the form of a problem, what of a value may be shown, and what values must be
together. What only the text of the file or a variable's name can tell is `file`'s, `environment`'s.
"""

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path

from pydantic import ValidationError

from sparkify_dagster.core.text import count, printable
from sparkify_dagster.settings.catalogue import CONFIG_NAME, SettingInfo, catalogue
from sparkify_dagster.settings.sections import BESIDE, LakeSettings, Settings
from sparkify_dagster.settings.values import in_s3, is_local

_OTHER_LOGINS = (("CLUSTER", "SECRET_ARN"), ("CLUSTER", "CLUSTER_ID"), ("CLUSTER", "WORKGROUP"))
_USER, _PASSWORD, _ROLE = ("CLUSTER", "DB_USER"), ("CLUSTER", "DB_PASSWORD"), ("IAM_ROLE", "ARN")
_LONGEST_SCHEMA = 63
_LONGEST_FILE = 255 - len(".spill-") - 32
"""Bytes that the name of a file may have, so that those DuckDB makes beside it find room."""
_ELSE_DUCKDB = "; or leave HOST blank to work on DuckDB"


class SettingsError(Exception):
    """The settings cannot be used; one message lists every problem and never a secret.

    Attributes:
        problems: The problems one by one, each with what was expected and what to do next.
    """

    def __init__(self, problems: Iterable[str]) -> None:
        self.problems = tuple(problems)
        lines = (f"{n}. " + text.replace("\n", "\n   ") for n, text in enumerate(self.problems, 1))
        head = f"{count(len(self.problems), 'problem')} with the settings:"
        super().__init__("\n".join((head, *lines)))


@dataclass(frozen=True)
class Given:
    """A value that was given: where, the folder its relative paths start from, the remedy.

    A broken one (its problem is already noted) counts as given, and is read no further.
    """

    value: str
    where: str
    base: Path
    fix: str
    broken: bool = False


Values = dict[tuple[str, str], Given]
"""What was given, by section and key."""


def problem(where: str, found: str, expected: str, next_step: str) -> str:
    """One problem, as it is printed."""
    told = (f"{where}: {found}", f"expected: {expected}", f"next: {next_step}")
    return "\n".join(map(printable, told))


def rename(word: str, known: Iterable[str]) -> str:
    """The next step for an unknown name: the known one that comes close, if any."""
    close = get_close_matches(word.upper(), list(known), n=1)
    return f"did you mean {close[0]}? Rename it, or remove it" if close else "remove it"


def value_problems(error: ValidationError, given: Values) -> Iterator[str]:
    """The values that are not what they must be, each once, in words of our own."""
    blamed = {_blamed(detail["loc"]): detail for detail in reversed(error.errors())}
    for at, detail in reversed(blamed.items()):
        info, entry = catalogue()[at], given[at]
        of_section = len(detail["loc"]) == 1
        expected = detail["msg"].removeprefix("Value error, ") if of_section else info.expected
        yield problem(entry.where, _shown(info, entry.value), expected, entry.fix)


def _blamed(loc: tuple[int | str, ...]) -> tuple[str, str]:
    """Section and key of an error; the one rule about a whole section blames [DAYS] LAST."""
    section, key = (str(part).upper() for part in (*loc, "last")[:2])
    return section, "SCHEMA" if key == "SCHEMA_NAME" else key


def _shown(info: SettingInfo, value: str) -> str:
    """The bad value as it may be printed: no secret, and nothing before an @ (a login)."""
    if info.secret:
        return "(not shown)"
    return repr(f"***{value[value.rindex('@') :]}" if "@" in value else value)


def cluster_problems(given: Values, source: Path | None) -> Iterator[str]:
    """With a host, what the cluster needs besides: a login, a role, and a lake it can reach."""
    if ("CLUSTER", "HOST") not in given:
        return
    ways = [at for at in _OTHER_LOGINS if at in given]
    if ways and _PASSWORD in given:
        ways = [_PASSWORD, *ways]
    if len(ways) > 1:
        names = " and ".join(key for _, key in ways)
        step = "keep the one that fits your cluster, and blank the others"
        yield problem(given[ways[1]].where, f"{names} are both set", "one way to log in", step)
    for at in (_ROLE,) if ways else (_USER, _PASSWORD, _ROLE):
        if at not in given:
            info = catalogue()[at]
            where = f"{source or CONFIG_NAME}, section [{info.section}], key {info.key}"
            expected = f"{info.expected}, as HOST names a cluster"
            other = "" if at == _ROLE else " (or SECRET_ARN, CLUSTER_ID or WORKGROUP)"
            yield problem(where, "blank", expected, info.how_to_set + other + _ELSE_DUCKDB)
    for at, entry in given.items():
        if at[0] == "S3" and not entry.broken and is_local(entry.value):
            info = catalogue()[at]
            expected = "an s3:// URI, as HOST names a cluster and Redshift reads no local folder"
            step = info.how_to_set + _ELSE_DUCKDB
            yield problem(entry.where, _shown(info, entry.value), expected, step)


def lake_problems(settings: Settings, given: Values) -> Iterator[str]:
    """Where a staging area or a queue does not go with the lake."""
    if settings.engine == "redshift" and (found := staging_problem(settings.s3)):
        info, at = catalogue()["S3", "STAGING"], given.get(("S3", "STAGING"))
        where = at.where if at else f"section [S3], key {info.key} (default)"
        expected = "a prefix of its own, such as s3://bucket/_sparkify_staging"
        yield problem(where, found, expected, info.how_to_set)
    if settings.s3.queue and not any(map(in_s3, settings.s3.places.values())):
        info, where = catalogue()["S3", "QUEUE"], given["S3", "QUEUE"].where
        found = "set, and no part of the lake is in S3"
        yield problem(where, found, "blank for a lake in folders", info.how_to_set)


def environment_problems(settings: Settings, given: Values) -> Iterator[str]:
    """Where an environment cannot have a schema of its own."""
    name, schema = settings.warehouse.environment, settings.load.schema_name
    entry = given.get(("WAREHOUSE", "ENVIRONMENT"))
    if entry is None or not name:
        return
    most = _LONGEST_SCHEMA - len(f"{schema}{BESIDE}")
    if name == schema:
        expected = f"another name than that of production's schema, {schema}"
        yield problem(entry.where, repr(name), expected, entry.fix)
    elif len(name) > most:
        expected = f"{most} characters at most, as its schema is {schema}{BESIDE}NAME, of 63"
        yield problem(entry.where, f"{name!r} ({len(name)} characters)", expected, entry.fix)
    elif settings.engine == "duckdb":
        file = settings.in_environment(name).duckdb.path.name
        if (over := len(os.fsencode(file)) - _LONGEST_FILE) > 0:
            expected = f"{count(over, 'character')} less, as its file is {file}"
            yield problem(entry.where, repr(name), expected, entry.fix)


def staging_problem(lake: LakeSettings) -> str | None:
    """Why the staging area may not lie where it does: what is in it is taken for ours, and removed.

    Below the logs or the songs it must be hidden, or its files were taken for data.
    """
    if not lake.staging_prefix:
        return None
    area = f"{lake.staging_prefix.rstrip('/')}/"
    for key, place in lake.places.items():
        data = f"{place.rstrip('/')}/"
        if data.startswith(area):
            return f"{key} lies in it"
        below = area.removeprefix(data)
        if below != area and not any(part[:1] in ("_", ".") for part in below.split("/")):
            return f"it lies in {key}, where its files would be taken for data"
    return None

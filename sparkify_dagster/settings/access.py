"""Who has which role: the lines of `access.cfg`.

What belongs here: reading that file, each problem with its line. What a role may see is
`model.access`' business, who there is the warehouse's.
"""

import re
from collections.abc import Collection
from pathlib import Path

from sparkify_dagster.core.local_files import read_bounded, require_trusted
from sparkify_dagster.settings.problems import SettingsError, problem

ACCESS_NAME = "access.cfg"
_MOST_BYTES = 127
_SECTION = re.compile(r"\[\s*(.*?)\s*\](?:\s*#.*)?")
_MEMBER = re.compile(r'(?:(role)\s+)?(?:"((?:[^"\0]|"")+)"|([^\s"\[\]\0]+))(?:\s+#.*)?', re.I)
_SHAPE = 'a user, or `role NAME`, one a line; in quotes what is no plain word: "IAMR:bi", "o""neil"'

Declared = dict[str, dict[str, str]]
"""By role its members, `user NAME` or `role NAME`, each with the line that names it."""


def read_access(path: Path, roles: Collection[str]) -> Declared:
    """Reads the file.

    Args:
        roles: Those there are.

    Raises:
        SettingsError: It cannot be read, or a line is wrong; all problems are listed.
    """
    try:
        require_trusted(path)
        lines = read_bounded(path).decode("utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        found = getattr(error, "strerror", None) or "not UTF-8"
        step = "write it (docs/redshift.md, Roles and rights), or name another with --file"
        raise SettingsError([problem(str(path), found, "who has which role", step)]) from None
    declared: Declared = {}
    problems: list[str] = []
    members: dict[str, str] | None = None
    for number, line in enumerate(map(str.strip, lines), 1):
        where = f"{path.name}, line {number}"
        if section := _SECTION.fullmatch(line):
            members = declared.setdefault(section[1].lower(), {})
            if section[1].lower() not in roles:
                found = f"no role is called {section[1]!r}"
                problems.append(problem(where, found, ", ".join(roles), "name one of these"))
        elif not line or line.startswith("#"):
            continue
        elif members is None:
            step = "begin with a role, such as [reader]"
            problems.append(problem(where, "a name before any role", "[ROLE]", step))
        elif (named := _MEMBER.fullmatch(line)) and len(_name(named).encode()) <= _MOST_BYTES:
            members.setdefault(f"{(named[1] or 'user').lower()} {_name(named)}", where)
        else:
            problems.append(problem(where, f"{line[:60]!r}", _SHAPE, "mend the line"))
    if problems:
        raise SettingsError(problems)
    return declared


def _name(named: re.Match[str]) -> str:
    return named[2].replace('""', '"') if named[2] else named[3]

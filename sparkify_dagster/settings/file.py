"""What the configuration file says: which file, its syntax, its values with their places.

What belongs here: reading INI. Whether a value is a good one, its type says (`values`).
"""

import configparser
import os
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from sparkify_dagster.core.local_files import read_bounded, require_trusted
from sparkify_dagster.settings.catalogue import CONFIG_NAME, ENV_CONFIG, catalogue
from sparkify_dagster.settings.problems import Given, SettingsError, Values, problem, rename

_QUOTES = ("'", '"')


def absolute(text: str, base: Path) -> Path:
    """The path from `base`; `~` is the home folder, and links are left as they are."""
    path = Path(text)
    with suppress(RuntimeError):  # `~nobody` is a plain name, as it is to a shell
        path = path.expanduser()
    return Path(os.path.abspath(base / path))


def choose_file(config: Path | None, environ: Mapping[str, str], cwd: Path) -> Path | None:
    """The file to read: the one asked for, else the variable's, else ./dwh.cfg if there.

    Raises:
        SettingsError: ./dwh.cfg is another user's, and nobody named it.
    """
    named = config if config is not None else environ.get(ENV_CONFIG, "").strip()
    if named:
        return absolute(str(named), cwd)
    usual = cwd / CONFIG_NAME
    try:
        require_trusted(usual)
    except OSError as error:
        step = f"remove it, or name it if you trust it (--config, {ENV_CONFIG})"
        found = str(error.strerror)
        raise SettingsError([problem(str(usual), found, "a file of your own", step)]) from None
    return usual if os.path.lexists(usual) else None


def read_file(path: Path, problems: list[str]) -> Values:
    """What the file says, blanks included; unknown names and bad quotes go to `problems`.

    Raises:
        SettingsError: It cannot be read or parsed.
    """
    parser = _parse_file(path)
    sections = tuple(dict.fromkeys(section for section, _ in catalogue()))
    given: Values = {}
    for title in parser.sections():
        section = title.upper()
        if section not in sections:
            where = f"{path}, section [{title}]"
            names = ", ".join(f"[{name}]" for name in sections)
            step = rename(title, sections)
            problems.append(problem(where, "unknown section", f"one of {names}", step))
            continue
        for key, raw in parser.items(title):
            where = f"{path}, section [{title}], key {key}"
            at = (section, key)
            if at not in catalogue():
                problems.append(_unknown_key(where, section, key))
                continue
            found = "a second time, in another spelling of the section" if at in given else ""
            given[at] = _value(where, path.parent, raw)
            if found := found or _why_broken(raw):
                expected = "each key once, its value on one line, quotes at both ends or none"
                problems.append(problem(where, found, expected, "correct the line"))
    return given


def secrets_in(path: Path) -> list[str]:
    """The keys of a configuration file whose values are secrets and stand in it."""
    given = read_file(path, [])
    return [at[1] for at, entry in given.items() if entry.value and catalogue()[at].secret]


class _Parser(configparser.RawConfigParser):
    """INI without interpolation (a % in a password is a %), names in upper case."""

    def __init__(self) -> None:
        super().__init__(default_section="\0", empty_lines_in_values=False)

    def optionxform(self, optionstr: str) -> str:
        return optionstr.upper()


def _parse_file(path: Path) -> _Parser:
    """Parses the file. Lines are named by their number only, as a line may hold a secret."""
    parser = _Parser()
    try:
        parser.read_string(read_bounded(path).decode("utf-8-sig"))
        return parser
    except OSError as error:
        found, expected = [error.strerror or type(error).__name__], "a file to read"
        step = f"correct the name (--config, {ENV_CONFIG}), or copy {CONFIG_NAME}.example there"
    except UnicodeDecodeError as error:
        found, expected = [f"byte {error.start} is not UTF-8"], "text in UTF-8"
        step = "save the file as UTF-8"
    except configparser.Error as error:
        found, step = _syntax(error), "correct the line"
        expected = "[SECTION] lines with KEY=value lines below, each name once"
    raise SettingsError(problem(str(path), what, expected, step) for what in found)


def _syntax(error: configparser.Error) -> list[str]:
    match error:
        case configparser.DuplicateOptionError():
            return [f"line {error.lineno}: a second {error.option} in [{error.section}]"]
        case configparser.DuplicateSectionError():
            return [f"line {error.lineno}: a second section [{error.section}]"]
        case configparser.MissingSectionHeaderError():
            return [f"line {error.lineno} stands before any [SECTION] line"]
        case configparser.ParsingError():
            return [f"line {number} has no = sign" for number, _ in error.errors]
    return ["not in the form of an INI file"]


def _why_broken(raw: str) -> str:
    if "\n" in raw:
        return "goes on in the next line, as that is indented"
    if raw[:1] in _QUOTES and (len(raw) == 1 or raw[-1] != raw[0]):
        return f"opens with {raw[0]} and does not end with it"
    return ""


def _value(where: str, folder: Path, raw: str) -> Given:
    value = raw[1:-1] if raw[:1] in _QUOTES else raw
    fix = "correct the line, or leave the value blank for the default"
    return Given(value, where, folder, fix, broken=bool(_why_broken(raw)))


def _unknown_key(where: str, section: str, key: str) -> str:
    keys = [k for s, k in catalogue() if s == section]
    homes = [s for s, k in catalogue() if k == key]
    step = f"move it to section [{homes[0]}], or remove it" if homes else rename(key, keys)
    return problem(where, "unknown key", f"one of {', '.join(keys)}", step)

"""What is wrong with settings, in words: place, what was found, what is expected, the next step.

What belongs here: the form of a problem, and what of a value may be shown. Finding problems is
`file`'s, `environment`'s and `rules`'.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path

from sparkify_dagster.core.text import printable
from sparkify_dagster.settings.catalogue import SettingInfo


class SettingsError(Exception):
    """The settings cannot be used; one message lists every problem and never a secret.

    Attributes:
        problems: The problems one by one, each with what was expected and what to do next.
    """

    def __init__(self, problems: Iterable[str]) -> None:
        """Join the problems into one message.

        Args:
            problems: One text for each problem; it may have several lines.
        """
        self.problems: tuple[str, ...] = tuple(problems)
        count = len(self.problems)
        head = f"{count} problem{'' if count == 1 else 's'} with the settings:"
        body = (f"{n}. " + text.replace("\n", "\n   ") for n, text in enumerate(self.problems, 1))
        super().__init__("\n".join((head, *body)))


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


def shown(info: SettingInfo, value: str) -> str:
    """The bad value as it may be printed: no secret, and nothing before an @ (a login)."""
    if info.secret:
        return "(not shown)"
    return repr(f"***{value[value.rindex('@') :]}" if "@" in value else value)


def rename(word: str, known: Iterable[str]) -> str:
    """The next step for an unknown name: the known one that comes close, if any."""
    close = get_close_matches(word.upper(), list(known), n=1)
    return f"did you mean {close[0]}? Rename it, or remove it" if close else "remove it"

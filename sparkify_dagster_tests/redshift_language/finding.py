"""What the guard finds in a statement."""

from __future__ import annotations

from dataclasses import dataclass

from sparkify_dagster_tests.redshift_language.tokens import Token


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that Redshift refuses, or reads otherwise.

    Attributes:
        words: The words of the statement that it is about.
        instead: What to write.
        sqlstate: With which Redshift would refuse it, as far as that is known.
        message: What it would say; by default that it does not support the words.
    """

    rule: str
    words: str
    instead: str
    sqlstate: str = "0A000"
    message: str = ""

    @property
    def error(self) -> str:
        """The message, as a client of Redshift would read it."""
        return self.message or f"{self.words} is not supported ({self.rule}: {self.instead})"

    def __str__(self) -> str:
        return f"{self.rule}: {self.words}: {self.instead}"


def syntax(rule: str, token: Token, words: str, instead: str) -> Finding:
    """A finding that is an error of syntax at a token."""
    return Finding(rule, words, instead, "42601", f'syntax error at or near "{token.text}"')

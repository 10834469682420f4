"""SQL as a stream of tokens that knows strings, quoted names and comments.

What belongs here: cutting text into tokens, and changing text between them. A statement that is
not changed stays byte for byte what the client sent.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

# A backslash escapes in any string, as it does in Redshift.
_TOKEN = re.compile(
    r"""(?P<space>\s+|--[^\n]*)
    |(?P<comment>/\*)
    |(?P<string>[eEnNbBxX]?'(?:[^'\\]|\\.|'')*')
    |(?P<dollar>\$(?:[A-Za-z_]\w*)?\$)
    |(?P<quoted>"(?:[^"]|"")*")
    |(?P<word>[^\W\d][\w$]*)
    |(?P<number>(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?)
    |(?P<symbol>::|<>|!=|<=|>=|\|\||.)""",
    re.DOTALL | re.VERBOSE,
)
_COMMENT_ENDS = re.compile(r"/\*|\*/")


@dataclass(frozen=True, slots=True)
class Token:
    """A word, a quoted name, a string, a number or a symbol, and where it stands.

    Attributes:
        key: What to compare: words in upper case, all else as written.
    """

    kind: str
    text: str
    start: int
    key: str

    @property
    def end(self) -> int:
        """Where the token ends."""
        return self.start + len(self.text)

    @property
    def is_name(self) -> bool:
        """Whether it may name something."""
        return self.kind in ("word", "quoted")

    @property
    def name(self) -> str:
        """The name it stands for; Redshift folds quoted names, too."""
        if self.kind == "quoted":
            return self.text[1:-1].replace('""', '"').lower()
        return self.text.lower()

    @property
    def value(self) -> str:
        """The text of a string."""
        if self.text[0] == "$":
            return self.text.split("$", 2)[2].rpartition("$")[0].rpartition("$")[0]
        body = self.text[self.text.index("'") + 1 : -1]
        return re.sub(r"\\(.)|''", lambda found: found.group(1) or "'", body, flags=re.DOTALL)


def tokens_of(sql: str) -> list[Token]:
    """The tokens of a text, without white space and comments."""
    return list(_tokens(sql))


def _tokens(sql: str) -> Iterator[Token]:
    at = 0
    while at < len(sql):
        found = _TOKEN.match(sql, at)
        assert found is not None  # the last branch takes anything
        kind, text = str(found.lastgroup), found.group()
        if kind == "comment":
            at = _after_comment(sql, at)
            continue
        if kind == "dollar":
            end = sql.find(text, found.end())
            text = sql[at : end + len(text)] if end >= 0 else sql[at:]
            kind = "string"
        if kind != "space":
            yield Token(kind, text, at, text.upper() if kind == "word" else text)
        at += len(text)


def _after_comment(sql: str, at: int) -> int:
    depth, at = 1, at + 2
    while depth:
        found = _COMMENT_ENDS.search(sql, at)
        if found is None:
            return len(sql)
        depth += 1 if found.group() == "/*" else -1
        at = found.end()
    return at


def statements_of(sql: str) -> list[tuple[str, list[Token]]]:
    """The statements of a text, each with its tokens, which count from its own start."""
    parts: list[list[Token]] = [[]]
    for token in tokens_of(sql):
        if token.key == ";":
            parts.append([])
        else:
            parts[-1].append(token)
    return [_cut_out(sql, part) for part in parts if part]


def _cut_out(sql: str, part: list[Token]) -> tuple[str, list[Token]]:
    start = part[0].start
    moved = [Token(t.kind, t.text, t.start - start, t.key) for t in part]
    return sql[start : part[-1].end], moved


@dataclass(slots=True)
class Edits:
    """Changes to make to a text, gathered while its tokens are read."""

    sql: str
    _changes: list[tuple[int, int, str]] = field(default_factory=list)

    def replace(self, first: Token, last: Token, by: str) -> None:
        """Puts something in the place of tokens."""
        self._changes.append((first.start, last.end, by))

    def remove(self, tokens: Sequence[Token]) -> None:
        """Takes tokens that stand side by side out."""
        if tokens:
            self.replace(tokens[0], tokens[-1], "")

    def applied(self) -> str:
        """The changed text."""
        out, at = [], 0
        for start, end, by in sorted(self._changes):
            out += [self.sql[at:start], by]
            at = end
        return "".join([*out, self.sql[at:]])


def follows(tokens: Sequence[Token], at: int, *keys: str) -> bool:
    """Whether just these words stand there."""
    return [t.key for t in tokens[at : at + len(keys)]] == list(keys)


def closing(tokens: Sequence[Token], at: int) -> int:
    """The index of the parenthesis that closes the one at `at`; the end where none does."""
    depth = 0
    for index in range(at, len(tokens)):
        depth += {"(": 1, ")": -1}.get(tokens[index].key, 0)
        if depth == 0:
            return index
    return len(tokens)


def items(tokens: Sequence[Token]) -> list[list[Token]]:
    """Tokens parted at the commas that stand in no parentheses."""
    parts: list[list[Token]] = [[]]
    depth = 0
    for token in tokens:
        depth += {"(": 1, ")": -1}.get(token.key, 0)
        if token.key == "," and depth == 0:
            parts.append([])
        else:
            parts[-1].append(token)
    return parts


def table_name(tokens: Sequence[Token], at: int) -> tuple[list[Token], int]:
    """The tokens of a name that may be qualified, and the index after it."""
    end = at
    while end < len(tokens) and tokens[end].is_name:
        end += 1
        if end < len(tokens) and tokens[end].key == ".":
            end += 1
        else:
            break
    return list(tokens[at:end]), end

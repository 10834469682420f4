"""Code as HTML: escaped, and coloured where the language is one we know.

What belongs here: text in, HTML out. Colours are the style sheet's, by pygments' class names.
"""

from __future__ import annotations

from functools import cache
from typing import Any

from markupsafe import Markup, escape

_LANGUAGES = ("sql", "ini", "json")


def highlighted(text: str, language: str = "") -> Markup:
    """A block of code; a language we do not colour is shown plain."""
    if language not in _LANGUAGES:
        return Markup("<pre><code>{}</code></pre>\n").format(text)
    from pygments import highlight

    return Markup("<pre><code>{}</code></pre>\n").format(
        Markup(highlight(text, _lexer(language), _formatter()))
    )


def inline(text: str) -> Markup:
    """A sentence in which `code` stands in backticks, as the model's texts do."""
    parts = str(text).split("`")
    if len(parts) % 2 == 0:
        return escape(text)
    pieces = [
        Markup("<code>{}</code>").format(part) if n % 2 else escape(part)
        for n, part in enumerate(parts)
    ]
    return Markup("").join(pieces)


@cache
def _lexer(language: str) -> Any:
    from pygments.lexers import get_lexer_by_name

    return get_lexer_by_name("postgresql" if language == "sql" else language)


@cache
def _formatter() -> Any:
    from pygments.formatters import HtmlFormatter

    return HtmlFormatter(nowrap=True)

"""Code as HTML: escaped, and coloured where the language is one we know.

What belongs here: text in, HTML out. Colours are the style sheet's, by pygments' class names.
"""

from __future__ import annotations

from functools import cache

from markdown_it import MarkdownIt
from markupsafe import Markup
from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexer import Lexer
from pygments.lexers import get_lexer_by_name

_LEXERS = {"sql": "postgresql", "ini": "ini", "json": "json"}
_SENTENCES = MarkdownIt("zero").enable("backticks")


def highlighted(text: str, language: str = "") -> Markup:
    """A block of code; a language we do not colour is shown plain."""
    html = highlight(text, _lexer(language), HtmlFormatter(nowrap=True))
    return Markup("<pre><code>{}</code></pre>\n").format(Markup(html))


def inline(text: str) -> Markup:
    """A sentence in which `code` stands in backticks, as the model's texts do."""
    return Markup(_SENTENCES.renderInline(text))


@cache
def _lexer(language: str) -> Lexer:
    return get_lexer_by_name(_LEXERS.get(language, "text"))

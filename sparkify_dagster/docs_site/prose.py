"""The hand-written pages: Markdown in, HTML out, with links that stay inside the site.

What belongs here: how Markdown is read. Which pages there are is `site`'s business. HTML in a page
is shown as text, never taken as markup.
"""

from __future__ import annotations

import posixpath
import re
from base64 import b64encode
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from itertools import pairwise
from typing import Any, NamedTuple

from markdown_it import MarkdownIt
from markdown_it.token import Token
from markupsafe import Markup

from sparkify_dagster.docs_site.code import highlighted
from sparkify_dagster.docs_site.mermaid import parsed
from sparkify_dagster.docs_site.picture import drawn

_SCHEME = re.compile(r"[a-z][a-z0-9+.-]*:", re.IGNORECASE)


class Heading(NamedTuple):
    """A heading of a page, and the name by which links find it."""

    level: int
    text: str
    anchor: str


class Prose(NamedTuple):
    """A page that was read.

    Attributes:
        title: Its first heading.
        headings: All headings but the first.
    """

    title: str
    html: Markup
    headings: Sequence[Heading]


class Target(NamedTuple):
    """Where a link leads: a page of the site and its title."""

    href: str
    title: str


Site = Mapping[str, Target]
"""The page of the site for each Markdown file, by the file's path in the checkout."""


def anchor(heading: str) -> str:
    """The name of a heading, as GitHub gives it."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def title_of(text: str) -> str:
    """The first heading of a page."""
    found = re.search(r"^# (.+)$", text, re.MULTILINE)
    return found[1].replace("`", "") if found else ""


def rendered(text: str, path: str, site: Site, read: Callable[[str], bytes]) -> Prose:
    """Reads a page.

    Args:
        path: Where it stands in the checkout, as `docs/records.md`: its links start there.
        read: Gives a file by its path in the checkout: pictures become part of the page.

    Raises:
        OSError: A picture cannot be read.
    """
    reader = _reader()
    tokens = reader.parse(text)
    headings = _name_headings(tokens)
    folder = posixpath.dirname(path)
    for token in tokens:
        if token.children:
            token.children = _with_links(token.children, folder, site)
            _embed_pictures(token.children, folder, read)
    html = reader.renderer.render(tokens, reader.options, {})
    return Prose(title_of(text), Markup(html), headings[1:])


@cache
def _reader() -> MarkdownIt:
    reader = MarkdownIt("commonmark", {"html": False}).enable("table")
    box = '<div class="wide" tabindex="0" role="region" aria-label="Table"><table>\n'
    reader.add_render_rule("fence", _fence)
    reader.add_render_rule("table_open", lambda *_: box)
    reader.add_render_rule("table_close", lambda *_: "</table></div>\n")
    return reader


def _fence(_renderer: Any, tokens: Sequence[Token], at: int, *_: Any) -> str:
    language, text = tokens[at].info.strip(), tokens[at].content
    graph = parsed(text) if language == "mermaid" else None
    return highlighted(text, language) if graph is None else drawn(graph)


def _name_headings(tokens: Sequence[Token]) -> list[Heading]:
    """Gives each heading its name; a second one of a name gets a number, as on GitHub."""
    found: list[Heading] = []
    used: dict[str, int] = {}
    for token, content in pairwise(tokens):
        if token.type == "heading_open":
            text = "".join(child.content for child in content.children or [])
            name = anchor(text)
            used[name] = used.get(name, -1) + 1
            name += f"-{used[name]}" if used[name] else ""
            token.attrSet("id", name)
            found.append(Heading(int(token.tag[1]), text, name))
    return found


def _with_links(tokens: Sequence[Token], folder: str, site: Site) -> list[Token]:
    """Leads links to pages of the site; a link to a file that is not in it becomes plain text.

    A link that is called after its file is called after the page's title.
    """
    kept: list[Token] = []
    target: Target | None = None
    for token in tokens:
        if token.type == "link_open":
            target = _led(str(token.attrGet("href")), folder, site)
            token.attrSet("href", target.href if target else "")
        elif target and token.content.endswith(".md"):
            token.content = target.title or token.content
        if target or not token.type.startswith("link_"):
            kept.append(token)
        if token.type == "link_close":
            target = None
    return kept


def _led(href: str, folder: str, site: Site) -> Target | None:
    """Where a link of a page leads in the site; None where its file is no page of it."""
    if _SCHEME.match(href) or href.startswith("#"):
        return Target(href, "")
    path, hash_, name = href.partition("#")
    page = site.get(posixpath.normpath(posixpath.join(folder, path)))
    return Target(page.href + hash_ + name, page.title) if page else None


def _embed_pictures(tokens: Sequence[Token], folder: str, read: Callable[[str], bytes]) -> None:
    for token in tokens:
        if token.type == "image" and not _SCHEME.match(source := str(token.attrGet("src"))):
            data = read(posixpath.normpath(posixpath.join(folder, source)))
            token.attrSet("src", f"data:image/png;base64,{b64encode(data).decode()}")

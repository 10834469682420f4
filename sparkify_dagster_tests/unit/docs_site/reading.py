"""A page of the site as a reader meets it: its text, its links, its anchors.

What belongs here: parsing HTML with Python's own parser, so that a test sees what a browser sees
and not what a template says.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from html.parser import HTMLParser

_VOID = {"meta", "link", "input", "br"}


@dataclass
class Page:
    """What a page holds.

    Attributes:
        text: All visible text, blanks folded.
        named: The text of each element that has an id.
        links: Where its links, scripts and style sheets lead.
        headings: Level and text, in order.
        unclosed: Elements that are not closed as they were opened.
    """

    text: str = ""
    named: dict[str, str] = field(default_factory=dict)
    ids: list[str] = field(default_factory=list)
    links: list[str] = field(default_factory=list)
    headings: list[tuple[int, str]] = field(default_factory=list)
    unclosed: list[str] = field(default_factory=list)


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.page = Page()
        self.open: list[tuple[str, str, list[str]]] = []
        self.said: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if name := given.get("id"):
            self.page.ids.append(name)
        self.page.links += [v for k in ("href", "src") if (v := given.get(k)) is not None]
        if tag not in _VOID:
            self.open.append((tag, given.get("id") or "", []))

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in _VOID:
            self.handle_endtag(tag)

    def handle_endtag(self, tag: str) -> None:
        if not self.open or self.open[-1][0] != tag:
            self.page.unclosed.append(tag)
            return
        _, name, said = self.open.pop()
        text = " ".join("".join(said).split())
        if name:
            self.page.named[name] = text
        if tag[0] == "h" and tag[1:].isdigit():
            self.page.headings.append((int(tag[1]), text))

    def handle_data(self, data: str) -> None:
        if any(tag in ("script", "style") for tag, _, _ in self.open):
            return
        self.said.append(data)
        for _, _, said in self.open:
            said.append(data)


def read(html: str) -> Page:
    """Reads a page."""
    reader = _Reader()
    reader.feed(html)
    reader.close()
    reader.page.text = " ".join("".join(reader.said).split())
    reader.page.unclosed += [tag for tag, _, _ in reader.open]
    return reader.page

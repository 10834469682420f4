"""Reading a page of the report as a browser would, for tests.

What belongs here: the page taken apart. What a test claims stands in the test.
"""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path

from sparkify_dagster.report.writing import write_report
from sparkify_dagster.warehouse.engine import Warehouse

_VOID = {"meta", "br", "link", "img", "hr", "input"}


class Page(HTMLParser):
    """A page, read strictly: every element that is opened is closed in its place.

    Attributes:
        tags: Every element, with its attributes.
        tables: Cells of each table, by its caption, row by row.
        cards: Headline figures by label.
        code: What stands in `<code>`.
    """

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.tables: dict[str, list[list[str]]] = {}
        self.cards: dict[str, str] = {}
        self.code: list[str] = []
        self.text = ""
        self._open: list[str] = []
        self._caption = self._label = ""
        self._cell = ""
        self._row: list[str] = []
        self._rows: list[list[str]] = []
        self.feed(text)
        self.close()
        assert self._open == [], "elements that are not closed"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in _VOID:
            self._open.append(tag)
        if tag == "table":
            self._rows = []
        elif tag == "tr":
            self._row = []
        elif tag in ("td", "th", "caption", "dt", "dd", "code"):
            self._cell = ""

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self._cell += data
        if "style" not in self._open:
            self.text += data

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag, f"{tag} closed out of place"
        if tag == "caption":
            self._caption = self._cell
        elif tag in ("td", "th"):
            self._row.append(self._cell.strip())
        elif tag == "tr":
            self._rows.append(self._row)
        elif tag == "table":
            self.tables[self._caption] = self._rows
        elif tag == "dt":
            self._label = self._cell
        elif tag == "dd":
            self.cards.setdefault(self._label, self._cell)
        elif tag == "code":
            self.code.append(self._cell)


def written(warehouse: Warehouse, path: Path) -> str:
    """The page of a warehouse, without what tells when it was written."""
    write_report(warehouse, path)
    return re.sub(r"Written .*? by", "Written by", path.read_text(encoding="utf-8"))

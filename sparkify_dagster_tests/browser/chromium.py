"""The machine's own browser without a window, for tests and for pictures; none is downloaded.

What belongs here: finding it, starting it, noting what pages complain of. What is looked at is not.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

VARIABLE = "SPARKIFY_BROWSER"
"""Names a Chromium or Chrome that is not on the PATH."""
_NAMES = ("chromium", "chromium-browser", "google-chrome")
_AT_HOME = ("http://127.0.0.1:", "file:", "data:", "blob:")


def missing() -> str:
    """Why no browser can be started; "" if one can."""
    try:
        import playwright.sync_api  # noqa: F401
    except ImportError:
        return "needs playwright: pip install --require-hashes -r constraints-dev.txt"
    if _path() is None:
        return f"needs a browser: {' or '.join(_NAMES)} on the PATH, or {VARIABLE}=/path/to/one"
    return ""


@contextmanager
def chromium() -> Iterator[Browser]:
    """A running browser; only one at a time in a process."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as running:
        # Chromium's sandbox refuses root, as which containers run.
        alone = ["--no-sandbox"] if os.geteuid() == 0 else []
        browser = running.chromium.launch(executable_path=_path(), args=alone)
        yield browser
        browser.close()


def complaints(page: Page) -> list[str]:
    """A list that grows by every script error, console error and request to elsewhere of a page."""
    found: list[str] = []
    page.on("pageerror", lambda error: found.append(f"script: {error}"))
    page.on(
        "console", lambda said: found.append(f"console: {said.text}") if said.type == "error" else 0
    )
    page.on(
        "request",
        lambda request: 0 if request.url.startswith(_AT_HOME) else found.append(request.url),
    )
    return found


def _path() -> str | None:
    if named := os.environ.get(VARIABLE):
        return named
    return next(filter(None, map(shutil.which, _NAMES)), None)

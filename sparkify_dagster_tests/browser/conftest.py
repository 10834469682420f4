"""The browser that the tests of this folder share."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from sparkify_dagster_tests.browser.chromium import chromium, missing

if TYPE_CHECKING:
    from playwright.sync_api import Browser


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """A browser without a window.

    One per module: as long as it runs, nothing else in its process can start an event loop.
    """
    if why := missing():
        pytest.skip(why)
    with chromium() as running:
        yield running

"""The search for garbage is off inside the block, and afterwards as it was."""

from __future__ import annotations

import gc
from collections.abc import Iterator

import pytest

from sparkify_dagster.core.garbage import without_search


@pytest.fixture(autouse=True)
def as_before() -> Iterator[None]:
    """Leaves the search as the test found it."""
    searching = gc.isenabled()
    yield
    (gc.enable if searching else gc.disable)()


def test_nothing_is_searched_inside_and_everything_afterwards() -> None:
    gc.enable()
    with without_search():
        assert not gc.isenabled()
    assert gc.isenabled()


def test_a_search_that_was_off_stays_off() -> None:
    gc.disable()
    with without_search():
        pass
    assert not gc.isenabled()


def test_an_error_switches_it_on_again() -> None:
    gc.enable()
    with pytest.raises(ValueError, match="broken"), without_search():
        raise ValueError("broken")
    assert gc.isenabled()

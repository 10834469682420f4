"""Python's search for garbage, switched off where objects are made by the hundred thousand.

What belongs here: that switch. Records of a listing refer to no cycle, so that counting references
frees them; the search would visit all of them again and again, and find nothing.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def without_search() -> Iterator[None]:
    """Inside the block no thread searches for cycles; memory is freed by reference counts alone."""
    searching = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if searching:
            gc.enable()

"""Arrow without pandas, which it imports with the first list it is given: a fifth of a second."""

from __future__ import annotations

import sys
from importlib.abc import MetaPathFinder
from typing import Any

import pyarrow as pa


def leave_pandas_out() -> None:
    """Lets Arrow find no pandas, in a process that has not imported it.

    Arrow looks for it once. Who wants a data frame of it later gets one: for that it looks again.
    """
    if "pandas" in sys.modules:
        return
    hidden = _Hidden()
    sys.meta_path.insert(0, hidden)
    try:
        pa.array([])
    finally:
        sys.meta_path.remove(hidden)


class _Hidden(MetaPathFinder):
    def find_spec(self, fullname: str, *_: Any) -> None:
        if fullname == "pandas":
            raise ModuleNotFoundError(fullname)

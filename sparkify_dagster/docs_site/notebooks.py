"""Notebooks as Markdown: their texts, their code, and what the code showed when it was run.

What belongs here: reading them. How the Markdown is drawn is `prose`'s; nothing is run.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any


def as_markdown(text: str) -> str:
    """The cells of a notebook one after the other.

    Raises:
        ValueError: It is no notebook.
    """
    return "\n\n".join(part for cell in json.loads(text)["cells"] for part in _parts(cell)) + "\n"


def _parts(cell: Mapping[str, Any]) -> Iterator[str]:
    source = "".join(cell["source"])
    if cell["cell_type"] != "code":
        yield source
        return
    yield f"```python\n{source}\n```"
    for output in cell["outputs"]:
        shown = output.get("data", {"text/plain": output.get("text", [])})
        if picture := shown.get("image/png"):
            yield f"![What the code above draws](data:image/png;base64,{picture})"
        else:
            yield f"```text\n{''.join(shown['text/plain']).rstrip()}\n```"

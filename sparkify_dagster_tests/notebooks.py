"""Runs the notebooks in `docs/notebooks` and keeps what they show: text, and plots as pictures.

What belongs here: running the cells of a notebook one after the other, as Jupyter would, without
its kernel. `python -m sparkify_dagster_tests.notebooks DIR` runs them on the demo in DIR and writes
their outputs.
"""

from __future__ import annotations

import ast
import base64
import contextlib
import io
import json
import os
import sys
from pathlib import Path
from typing import Any

NOTEBOOKS = Path(__file__).resolve().parents[1] / "docs" / "notebooks"


def run(notebook: dict[str, Any], folder: Path) -> None:
    """Runs all cells in a folder and puts what each shows below it."""
    import matplotlib as mpl

    mpl.use("agg")
    names: dict[str, Any] = {"__name__": "__main__"}
    with contextlib.chdir(folder):
        for number, cell in enumerate(c for c in notebook["cells"] if c["cell_type"] == "code"):
            cell["execution_count"] = number + 1
            cell["outputs"] = _shown(number + 1, "".join(cell["source"]), names)


def _shown(number: int, source: str, names: dict[str, Any]) -> list[dict[str, Any]]:
    tree = ast.parse(source)
    last = tree.body.pop() if isinstance(tree.body[-1], ast.Expr) else None
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(compile(tree, "<cell>", "exec"), names)
        value = eval(compile(ast.Expression(last.value), "<cell>", "eval"), names) if last else None
    outputs = []
    if printed.getvalue():
        outputs.append({"output_type": "stream", "name": "stdout", "text": _lines(printed)})
    if value is not None:
        said = {"output_type": "execute_result", "execution_count": number, "metadata": {}}
        outputs.append(said | {"data": _drawn(value)})
    return outputs


def _drawn(value: Any) -> dict[str, Any]:
    if hasattr(value, "figure"):
        import matplotlib.pyplot as plt

        picture = io.BytesIO()
        value.figure.savefig(
            picture, format="png", bbox_inches="tight", metadata={"Software": None}
        )
        plt.close(value.figure)  # As Jupyter does: the next plot is another picture.
        return {"image/png": base64.b64encode(picture.getvalue()).decode()}
    return {"text/plain": _lines(io.StringIO(repr(value)))}


def _lines(text: io.StringIO) -> list[str]:
    return text.getvalue().splitlines(keepends=True)


def main() -> None:
    """Runs them and writes what they show."""
    for path in sorted(NOTEBOOKS.glob("*.ipynb")):
        notebook = json.loads(path.read_text(encoding="utf-8"))
        place = Path(sys.argv[1]).resolve() / "docs" / "notebooks"
        os.makedirs(place, exist_ok=True)
        run(notebook, place)
        written = json.dumps(notebook, indent=1, ensure_ascii=False) + "\n"
        path.write_text(written, encoding="utf-8")
        print(path)


if __name__ == "__main__":
    main()

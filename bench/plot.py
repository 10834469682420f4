"""Cost against size, as a picture: full loads, a new day, and memory."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from bench.figures import Line

_PARTS = (
    ("load", "full load: seconds", "seconds"),
    ("day", "one new day: seconds", "seconds"),
    ("load", "full load: peak memory, MB", "peak_mb"),
)


def draw(made: Sequence[Line], path: Path) -> None:
    """Draws what was measured; extrapolated points hollow, sizes with other files left out."""
    import matplotlib

    matplotlib.use("agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(1, len(_PARTS), figsize=(16, 5.5), layout="constrained")
    names = list(dict.fromkeys(line.contender for line in made))
    for axis, (kind, title, value) in zip(axes, _PARTS, strict=True):
        for number, name in enumerate(names):
            points = sorted(
                (line.case.size.events, getattr(line, value), line.estimated)
                for line in made
                if (line.case.kind, line.contender) == (kind, name)
                and line.case.size.files <= 30
                and not line.case.size.packed
                and getattr(line, value)
            )
            if not points:
                continue
            color = f"C{number % 10}"
            style = "-" if number < 10 else "--"
            xs, ys, guessed = zip(*points, strict=True)
            axis.plot(xs, ys, style, color=color, label=name)
            filled = ["none" if guess else color for guess in guessed]
            axis.scatter(xs, ys, facecolors=filled, edgecolors=color, zorder=3)
        axis.set(title=title, xlabel="events", xscale="log", yscale="log")
        axis.grid(visible=True, which="both", alpha=0.2)
        if axis.get_legend_handles_labels()[0]:
            axis.legend(fontsize="small")
    figure.suptitle("Hollow: extrapolated. Ratios within one session are what counts.")
    figure.savefig(path)
    pyplot.close(figure)

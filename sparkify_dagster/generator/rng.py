"""Randomness that gives the same numbers on every machine.

All of it comes from numpy's `Generator`, one for each subject (songs, listeners, the mess of one
day): drawing more from one leaves what the others yield untouched. Only `random`, `integers`,
`choice` and `permutation` are drawn from, and only operations are done on the numbers that IEEE
754 fixes to the last bit (+ - * /, comparisons, sequential sums). Distributions such as `lognormal`
take logarithms, whose last bit is another one on some processors: enough to send an event into
another file. A numpy that draws otherwise shows in the test that pins a lake's bytes.
"""

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]


def stream(seed: int, name: str, number: int = 0) -> np.random.Generator:
    """The random numbers of one subject of the lake with this seed (0 or more).

    Args:
        number: Tells streams of one name apart, such as those of days.
    """
    entropy = np.random.SeedSequence(seed, spawn_key=(*name.encode(), number))
    return np.random.Generator(np.random.PCG64(entropy))


def pick(positions: Floats, weights: Floats) -> Ints:
    """Map positions in [0, 1) to indices into `weights`, in proportion to the weights."""
    edges = np.cumsum(weights)
    found = np.searchsorted(edges, positions * edges[-1], side="right")
    indices: Ints = np.minimum(found, len(weights) - 1)
    return indices


def zipf(count: int, flatten: float) -> Floats:
    """Weights 1 / (rank + flatten), which sum to 1; `flatten` tames the top ranks."""
    weights = 1.0 / (np.arange(count) + flatten)
    return weights / np.cumsum(weights)[-1:]

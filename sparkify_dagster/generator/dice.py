"""Randomness that gives the same numbers on every machine.

Everything random in the generator comes from a `Dice`. It uses the uniform doubles of
`Generator(PCG64)` and, on top of them, only operations that IEEE 754 fixes to the last bit
(+ - * /, comparisons, sequential sums). No `log`, `exp`, `power` or ready-made distributions:
those may differ in the last bit between processors and numpy versions, and one bit is enough to
send an event into another file.
"""

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]


class Dice:
    """One named stream of random numbers.

    Streams with different names are independent: drawing more from one (`mess`, say) leaves
    what the others yield untouched.
    """

    def __init__(self, seed: int, stream: str) -> None:
        """Open the stream called `stream` of the lake with this seed (0 or more)."""
        entropy = np.random.SeedSequence([seed, *stream.encode()])
        self._generator = np.random.Generator(np.random.PCG64(entropy))

    def uniform(self, count: int) -> Floats:
        """Draw `count` doubles in [0, 1)."""
        return self._generator.random(count)

    def below(self, count: int, limit: int) -> Ints:
        """Draw `count` whole numbers from 0 to `limit` - 1."""
        return (self.uniform(count) * limit).astype(np.int64)

    def chance(self, count: int, probability: float | Floats) -> Bools:
        """Draw `count` yes/no answers, yes with the given probability (one, or one each)."""
        return np.asarray(self.uniform(count) < probability)

    def order(self, count: int) -> Ints:
        """Draw a random permutation of 0 to `count` - 1."""
        order: Ints = np.argsort(self.uniform(count), kind="stable").astype(np.int64)
        return order

    def weighted(self, count: int, weights: Floats) -> Ints:
        """Draw `count` indices into `weights`, each as often as its weight says."""
        return pick(self.uniform(count), weights)


def pick(positions: Floats, weights: Floats) -> Ints:
    """Map positions in [0, 1) to indices into `weights`, in proportion to the weights."""
    edges = np.cumsum(weights)
    found = np.searchsorted(edges, positions * edges[-1], side="right")
    indices: Ints = np.minimum(found, len(weights) - 1).astype(np.int64)
    return indices


def heavy_tail(positions: Floats, median: float | Floats, most: int | Ints) -> Ints:
    """Map positions in [0, 1) to whole numbers from 1: mostly small, a few up to `most`."""
    return np.minimum(1 + (median * positions / (1.0 - positions)), most).astype(np.int64)


def zipf_weights(count: int, flatten: float) -> Floats:
    """Weights 1 / (rank + flatten) for ranks 0 to `count` - 1; `flatten` tames the top ranks."""
    return 1.0 / (np.arange(count, dtype=np.float64) + flatten)

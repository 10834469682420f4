"""The floor with the ten marts, which the platform makes in every load: the fair comparison."""

from __future__ import annotations

from bench.contenders.floor import run

if __name__ == "__main__":
    run(with_marts=True)

"""The vocabulary of the invented world, and how names and titles are put together from it.

The words stand in `words.toml`; how often each is drawn is decided where it is used.
"""

import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

import numpy as np

from sparkify_dagster.generator.rng import stream


@dataclass(frozen=True)
class Words:
    """The lists of `words.toml`, which says what each is."""

    adjectives: list[str]
    nouns: list[str]
    verbs: list[str]
    title_patterns: list[str]
    artist_patterns: list[str]
    women: list[str]
    men: list[str]
    families: list[str]
    towns: list[tuple[str, str]]
    origins: list[tuple[str, float, float]]
    user_agents: list[str]


@cache
def words() -> Words:
    """All words, read once."""
    text = files("sparkify_dagster.generator").joinpath("words.toml").read_text(encoding="utf-8")
    return Words(**tomllib.loads(text))


def artist_names(first: int, count: int, seed: int) -> Iterator[str]:
    """The names of artists `first` to `first + count - 1`: no two of one seed share a name.

    The first 16,500 names are short; later ones take a suffix (`... of Quarry`), which keeps
    them apart up to 900 thousand artists.
    """
    nouns, patterns = words().nouns, words().artist_patterns
    shape = (len(patterns), len(words().adjectives), len(nouns))
    shuffled = stream(seed, "artist names").permutation(int(np.prod(shape)))
    rounds, places = np.divmod(np.arange(first, first + count), len(shuffled))
    parts = (part.tolist() for part in np.unravel_index(shuffled[places], shape))
    for lap, pattern, adjective, noun in zip(rounds.tolist(), *parts, strict=True):
        name = patterns[pattern].format(a=words().adjectives[adjective], n=nouns[noun])
        yield f"{name} of {nouns[lap - 1]}" if lap else name


def song_titles(count: int, rng: np.random.Generator) -> list[str]:
    """Invent song titles; a few repeat, as titles do."""
    known = words()
    parts = (
        rng.choice(some, count).tolist()
        for some in (known.title_patterns, known.adjectives, known.nouns, known.nouns, known.verbs)
    )
    return [p.format(a=a, n=n, m=m, v=v) for p, a, n, m, v in zip(*parts, strict=True)]


def metro_areas(count: int, rng: np.random.Generator) -> Iterator[str]:
    """Invent US metro areas of one or two towns, such as `Akron-Boise, OH-ID`."""
    towns = words().towns
    pairs = rng.integers(len(towns), size=(count, 2))
    pairs[rng.random(count) < 0.5, 1] = -1
    for first, second in pairs.tolist():
        some = [towns[at] for at in dict.fromkeys((first, second)) if at >= 0]
        cities, states = (dict.fromkeys(names) for names in zip(*some, strict=True))
        yield f"{'-'.join(cities)}, {'-'.join(states)}"

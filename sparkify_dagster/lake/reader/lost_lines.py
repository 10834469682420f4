"""Lines in which surely no record begins or ends, told many at once by what stands at their ends.

A record may go on in the next line only where JSON does between two tokens. What belongs here:
sparing `stream` very many lines. What does not: deciding about those that are left, or why.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from sparkify_dagster.lake.reader.records import KEY_BITS, SCHEMA, Span, keys_of
from sparkify_dagster.lake.reader.stream import GOES_ON, WHITE_SPACE

_BLANK = WHITE_SPACE.decode()


def lost_among(
    objects: Mapping[int, bytes], unit: Sequence[Span], rows: pa.Table, broken: pa.Table
) -> tuple[pa.Table, pa.Table]:
    """Of slices that are no records those of which `stream` surely makes none, and the others.

    Args:
        rows: All slices; `broken`: those that are no records.
    """
    if not broken.num_rows:
        return broken, broken
    keys = keys_of(rows)
    if (np.diff(keys) < 0).any():
        order = np.argsort(keys)
        rows, keys = rows.take(order), keys[order]
    is_cut = unit[-1].end < len(objects[unit[-1].object])
    lost = keys[_are_lost(rows, keys, np.isin(keys, keys_of(broken)), is_cut)]
    is_lost = np.isin(keys_of(broken), lost)
    found = _filtered(broken, is_lost)
    if pc.any(pc.match_substring_regex(found["text"], r"\A[ \t\r\n]")).as_py():
        text = pc.ascii_ltrim(found["text"], _BLANK)
        found = found.set_column(3, SCHEMA.field(3), text)
    return found, _filtered(broken, ~is_lost)


def _filtered(rows: pa.Table, wanted: np.ndarray) -> pa.Table:
    """These rows; all of them as they are, as a copy takes what their texts take."""
    return rows if wanted.all() else rows.filter(pa.array(wanted))


def _are_lost(rows: pa.Table, keys: np.ndarray, is_broken: np.ndarray, is_cut: bool) -> np.ndarray:
    """For each slice, in order, whether it is lost.

    Args:
        is_cut: Whether the last object goes on behind the last of them.
    """
    first, last, ends_within = _edges(rows["text"])
    is_near = np.diff(keys >> KEY_BITS) == 0
    on_line = np.append(is_near & (np.diff(rows["line"].to_numpy()) == 0), False)
    goes_on = np.append(is_near & GOES_ON[last[:-1], first[1:]], is_cut) | on_line
    begins = is_broken & (on_line | (first == ord("{")) & (goes_on | ends_within))
    # Broken slices that may go on in one another: what begins in one may take in those behind it.
    heads = np.append(0, np.flatnonzero(~(goes_on & is_broken)[:-1]) + 1)
    begun = np.cumsum(begins)
    before = np.repeat((begun - begins)[heads], np.diff(np.append(heads, len(keys))))
    lost: np.ndarray = is_broken & (begun == before)
    return lost


def _edges(texts: pa.ChunkedArray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The first and last byte of each text, and whether a `}` stands before its last; no blanks."""
    text = pc.ascii_trim(texts, _BLANK).combine_chunks()
    _, offsets, data = text.buffers()
    bounds, held = np.frombuffer(offsets, np.int64), np.frombuffer(data, np.uint8)
    at = pc.find_substring(text, "}").to_numpy()
    return held[bounds[:-1]], held[bounds[1:] - 1], (at >= 0) & (at < np.diff(bounds) - 1)

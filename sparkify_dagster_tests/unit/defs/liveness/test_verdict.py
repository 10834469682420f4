"""When a run counts as lost: every sign of life, and what outweighs what."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sparkify_dagster.defs.liveness.verdict import (
    NO_SIGN,
    SILENT,
    UNKNOWN_TO_SERVER,
    Signs,
    why_lost,
)

FOR_EVER = 10**6
ALIVE = {
    "its file is locked, however long nothing is heard of it": Signs("held", silent=FOR_EVER),
    "likewise, and its code server is gone": Signs("held", "is gone", silent=FOR_EVER),
    "likewise, and it told of itself once": Signs("held", told=True, silent=FOR_EVER),
    "its code server knows it": Signs("none", "knows it", silent=FOR_EVER),
    "it tells of itself, and its code server is gone": Signs("none", "is gone", True, SILENT - 1),
    "it told of itself a moment ago, and its code server does not know it": Signs(
        "none", "does not know it", True, UNKNOWN_TO_SERVER
    ),
    "it tells of itself on another machine": Signs("none", "unknown", True, SILENT - 1),
    "a code server does not know it yet, or another does": Signs(
        "none", "does not know it", False, UNKNOWN_TO_SERVER - 1
    ),
    "a code server cannot be reached for a moment": Signs(
        "none", "is not there", False, UNKNOWN_TO_SERVER - 1
    ),
    "nothing is known, for some time": Signs(silent=NO_SIGN - 1, age=10.0 * NO_SIGN - 1),
}
LOST = {
    "its file is there and not locked": Signs("free"),
    "likewise, whatever its code server believes of it": Signs("free", "is gone"),
    "nobody listens where its code server did": Signs("none", "is gone"),
    "its code server does not know it": Signs("none", "does not know it", False, UNKNOWN_TO_SERVER),
    "its code server is not there": Signs("none", "is not there", False, UNKNOWN_TO_SERVER),
    "it told of itself, and does no longer": Signs("none", "unknown", True, SILENT),
    "likewise, and nobody knows its code server": Signs("none", "is not there", True, SILENT),
    "likewise for a while, and its code server does not know it": Signs(
        "none", "does not know it", True, UNKNOWN_TO_SERVER + 1
    ),
    "nothing was ever heard of it": Signs(silent=NO_SIGN),
    "nothing was written of it for long, here": Signs(age=10.0 * NO_SIGN),
}


@pytest.mark.parametrize("signs", ALIVE.values(), ids=list(ALIVE))
def test_a_run_is_alive_or_not_known_to_be_lost(signs: Signs) -> None:
    assert why_lost(signs) == ""


@pytest.mark.parametrize("signs", LOST.values(), ids=list(LOST))
def test_a_run_is_lost_and_the_reason_is_a_sentence(signs: Signs) -> None:
    assert "gone" in why_lost(signs) or "no sign of life of it for" in why_lost(signs)


some_signs = st.builds(
    Signs,
    st.sampled_from(["held", "free", "none"]),
    st.sampled_from(["knows it", "does not know it", "is gone", "is not there", "unknown"]),
    st.booleans(),
    st.integers(0, 200),
)


@given(some_signs, st.integers(0, 200))
def test_more_silence_makes_no_run_alive_again(signs: Signs, more: int) -> None:
    longer = Signs(signs.lock, signs.server, signs.told, signs.silent + more)
    assert why_lost(longer) or not why_lost(signs)

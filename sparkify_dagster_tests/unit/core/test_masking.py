"""Masked records show how they are built and nothing of what they say."""

import json
import re

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sparkify_dagster.core.masking import mask, mask_value

# The first text of any run is slow to draw; the machine may be busy.
patiently = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])


@pytest.mark.parametrize(
    ("record", "masked"),
    [
        (
            '{"firstName":"Ada","userId":"26","ts":1541990541796}',
            '{"firstName":"xxx","userId":"99","ts":9999999999999}',
        ),
        ('{"length": -12.5e3, "a": true, "b": null}', '{"length": -99.9e9, "a": true, "b": null}'),
        (r'{"artist":"\u00c9t\u00e9 \"B\"\n"}', r'{"artist":"\u99x9x\u99x9 \"x\"\n"}'),
        ('{"artist":"Été 夜"}', '{"artist":"xxx x"}'),
        ('["NextSong",42]', '["xxxxxxxx",99]'),
        ("Traceback (most recent call last):", "xxxxxxxxx (xxxx xxxxxx xxxx xxxx):"),
        ("", ""),
    ],
)
def test_values_are_hidden_and_the_structure_stays(record: str, masked: str) -> None:
    assert mask(record) == masked


@pytest.mark.parametrize(
    "broken",
    [
        '{"firstName":"Ada","lastName":"Byr',
        '{"firstName":"Ada "Byron" King","lastName":"Byron"}',
        '{"firstName":"Ada" "lastName":"Byron"}',
        "{'firstName':'Ada','lastName':'Byron'}",
        '{"Ada Byron":1,"lastName":"Byron"}',
        'Ada "Byron": King',
    ],
)
def test_broken_records_hide_their_values_too(broken: str) -> None:
    assert not re.search("Ada|Byr|King", mask(broken))


@patiently
@given(st.dictionaries(st.sampled_from(["artist", "ts"]), st.text() | st.integers() | st.none()))
def test_a_masked_record_has_the_length_the_names_and_no_letter_of_its_own(
    record: dict[str, object],
) -> None:
    text = json.dumps(record, ensure_ascii=False)
    masked = mask(text)
    assert len(masked) == len(text)
    values = re.sub(r'"(artist|ts)": ', "", masked)
    assert not re.search(r"[A-Z]", values)
    assert set(re.findall(r"[a-z]+", re.sub(r"null|\\[bfnrtu]", "", values))) <= {
        "x" * n for n in range(1, len(text))
    }


@patiently
@given(st.text())
def test_any_text_can_be_masked(text: str) -> None:
    assert len(mask(text)) == len(text)


def test_a_single_value_shows_only_how_long_it_is_and_what_is_no_letter() -> None:
    assert mask_value("Ana-Maria 2nd") == "xxx-xxxxx 9xx"
    assert mask_value("Łukasz 夜") == "xxxxxx x"
    assert mask_value("") == ""
    assert mask_value("null") == "xxxx", "a person may be called so"
    assert mask_value(26) == "xx", "99 might be an id"

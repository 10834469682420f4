"""Every engine that the model names can be chosen, and the conformance suite runs on it."""

from __future__ import annotations

from typing import get_args, get_type_hints

import pytest

from sparkify_dagster.model.ddl import Engine
from sparkify_dagster.settings import Settings
from sparkify_dagster_tests.conftest import PAIRS


@pytest.mark.parametrize("engine", get_args(Engine))
def test_an_engine_is_chosen_by_settings_and_has_a_pair(engine: str) -> None:
    chosen = get_type_hints(Settings.engine.fget)["return"]
    assert engine in get_args(chosen), f"`Settings.engine` never chooses {engine}"
    assert any(pair.startswith(f"{engine}-") for pair in PAIRS), (
        f"a pair named {engine}-… in PAIRS (conftest.py), made in pairs.py: no test runs on it"
    )

"""Loading settings in a folder and an environment of the test's own."""

from pathlib import Path

import pytest

from sparkify_dagster.settings import Settings, load_settings
from sparkify_dagster_tests.unit.settings.texts import Load


@pytest.fixture
def load(tmp_path: Path) -> Load:
    """Load settings from a text as ./dwh.cfg, and variables; never from the test's own shell."""

    def load_text(text: str | None = None, **environ: str) -> Settings:
        if text is not None:
            (tmp_path / "dwh.cfg").write_text(text, encoding="utf-8")
        return load_settings(environ=environ, cwd=tmp_path)

    return load_text

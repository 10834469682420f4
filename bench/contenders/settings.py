"""The platform's settings for a lake and a folder, in which its warehouse and history go."""

from __future__ import annotations

import os
from pathlib import Path

from bench.contenders.lake import platform_variables
from sparkify_dagster.settings import Settings, load_settings


def settings_of(lake: Path, out: Path) -> Settings:
    """The settings, as a process in that folder would find them."""
    return load_settings(environ=os.environ | platform_variables(lake, out), cwd=out)

"""What Dagster loads: the definitions that `build` assembles from the settings."""

import dagster as dg

from sparkify_dagster.defs.build import build_definitions
from sparkify_dagster.defs.internals import is_looked_at
from sparkify_dagster.settings import load_settings


@dg.definitions
def defs() -> dg.Definitions:
    """The platform, as `dwh.cfg` and the environment describe it."""
    return build_definitions(load_settings(), with_lineage=is_looked_at())

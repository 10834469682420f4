"""Jobs: the launchable units people find under Jobs in the UI and the command line runs."""

from __future__ import annotations

from collections.abc import Mapping

import dagster as dg

from sparkify_dagster.defs.checks import check_key
from sparkify_dagster.defs.load_op import LoadConfig
from sparkify_dagster.defs.page import REPORT
from sparkify_dagster.model.checks import all_checks
from sparkify_dagster.model.marts import MARTS
from sparkify_dagster.model.staging import STAGING_EVENTS, STAGING_SONGS
from sparkify_dagster.model.star import STAR

LOAD_JOB, DAYS_JOB, CHECKS_JOB = "load", "load_days", "checks"
_FROM_THE_UI = "__ASSET_JOB"
NO_TAGS: Mapping[str, str] = {}
_PACKAGE = __name__.partition(".")[0]


def all_jobs(tags: Mapping[str, str] = NO_TAGS) -> list[dg.UnresolvedAssetJobDefinition]:
    """Every job.

    Args:
        tags: What all their runs are to be known by.
    """
    made = [*(table.name for table in (*STAR, *MARTS)), REPORT]
    return [
        # The partitioned table is not selected, so that no days must be chosen; its days are loaded
        # and reported all the same. So are the checks: planning each of them would take longer than
        # a small load, and what is not touched need not be checked again.
        dg.define_asset_job(
            LOAD_JOB,
            selection=dg.AssetSelection.assets(STAGING_SONGS.name, *made).without_checks(),
            config=LoadConfig(what="changes").as_run_config(),
            tags=tags,
            description="Bring every table up to date with the lake; only what changed is loaded. "
            "Log days, too, though their table is not in the job's graph: nobody has to choose "
            "them.",
        ),
        dg.define_asset_job(
            DAYS_JOB,
            selection=dg.AssetSelection.assets(STAGING_EVENTS.name, *made).without_checks(),
            tags=tags,
            description="Load chosen log days again, changed or not; refresh star and marts. "
            "Choose them with `Materialize all…` or as a partition in the launchpad; without one "
            "Dagster refuses the run. To load whatever changed, launch `load`.",
        ),
        dg.define_asset_job(
            CHECKS_JOB,
            selection=dg.AssetSelection.checks(*map(check_key, all_checks())),
            tags=tags,
            description="Run every check on what is stored. Loads nothing.",
        ),
    ]


def is_ours(run: dg.DagsterRun, location: str | None) -> bool:
    """Whether a run is of one of our jobs.

    Args:
        location: The code location that asks; None: whatever has our jobs.
    """
    names = (LOAD_JOB, DAYS_JOB, CHECKS_JOB)
    if run.job_name not in names and not run.job_name.startswith(_FROM_THE_UI):
        return False
    if run.remote_job_origin is None or location is None:
        return True
    # The command line cannot know by what name the daemon loads us, and uses the package's.
    origin = run.remote_job_origin.repository_origin.code_location_origin
    return origin.location_name in (location, _PACKAGE)

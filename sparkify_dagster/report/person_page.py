"""What is held about a person as a page, for handing it over.

What belongs here: laying it out. Looking it up is `pipeline.person`'s.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sparkify_dagster.model.catalog import TABLES
from sparkify_dagster.report.page import render_template


def render_person(found: Mapping[str, Any]) -> str:
    """The page.

    Args:
        found: What the command gives as JSON.
    """
    return render_template("person.html", found=found, tables=TABLES)

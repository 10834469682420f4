"""The templates, and what all of them may use.

What belongs here: how they are read. What stands in them is in the folder `templates`.
"""

from __future__ import annotations

from functools import cache

from jinja2 import Environment, PackageLoader, StrictUndefined

from sparkify_dagster.docs_site.code import highlighted, inline
from sparkify_dagster.docs_site.flows import by_table
from sparkify_dagster.docs_site.tables import LAYERS, layer_of, page_of


@cache
def templates() -> Environment:
    """The environment of all templates: everything is escaped, nothing may be missing."""
    made = Environment(
        loader=PackageLoader("sparkify_dagster.docs_site"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters |= {"inline": inline, "highlighted": highlighted, "by_table": by_table}
    made.globals |= {"page_of": page_of, "layer_of": layer_of, "layers": LAYERS}
    return made

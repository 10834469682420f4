"""What a load does in an environment whose staging is production's: the star and the marts alone.

What belongs here: what such a load leaves out. What an environment is, `warehouse.environments`
knows.
"""

from __future__ import annotations

from dataclasses import replace

from sparkify_dagster.pipeline.plan import Pending

ALWAYS = -1.0
"""As the share of changed rows above which the star is built whole. The keys of rows that
production replaced are gone once its own star has taken them in: no refresh can go by them."""


def of_star(todo: Pending) -> Pending:
    """What is to be done without what production does: it loads songs and days, and forgets."""
    return replace(todo, songs=[], days=[], given_up=[], forget=False, wipe=False)

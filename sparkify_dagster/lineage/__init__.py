"""Which column comes from which: from the fields of the lake's JSON to the last mart.

What belongs here: reading the statements of the model and saying what they say. `select` reads one
statement, `graph` joins them all, `words` puts the answers into text. Nothing is kept by hand,
nothing is opened, and the parser (sqlglot, a tenth of a second) is imported when first asked.
"""

from sparkify_dagster.lineage.graph import lineage_graph

__all__ = ["lineage_graph"]

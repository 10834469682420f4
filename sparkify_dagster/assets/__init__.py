"""The assets: lake sources, staging tables, star tables, and the one op that loads them.

Thin on purpose: what is loaded and how stands in `lake` and `warehouse`; here is only what Dagster
must know and be told.
"""

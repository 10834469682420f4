"""Dagster's definitions: assets, checks, jobs, sensors, resources, and running them.

What belongs here: all that imports Dagster, and what only its sensors decide. What a load does is
`pipeline`'s.
"""

"""Sparkify's warehouse: songs and plays from a lake into a star schema, with Dagster.

Only the version belongs here. Importing the package reads nothing and starts nothing.
"""

__version__ = "0.2.0"

"""The benchmark: what the platform costs beside other ways to make the same five tables.

`make bench` runs it; README.md says what is measured. Nothing in the package imports it.
"""

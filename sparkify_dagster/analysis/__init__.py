"""An analyst's tools: statements answered as Arrow, data frames and files.

What belongs here: what a person asks in SQL and what becomes of the answer. `answers` asks and
says where each column comes from, `frames` makes pandas of it, `reader` is the Python door
(`sparkify_dagster.connect`), `files` writes. What does not: which statements may be asked (the
engines' gates), and how an answer looks on a terminal. Importing the package imports none of them.
"""

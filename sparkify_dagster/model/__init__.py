"""The data model as data.

Here belongs what the tables *are*: columns, types, keys, references, meaning, physical design, the
SQL that defines them and the checks that guard them. Nothing here talks to an engine, to a lake or
to Dagster: every module is data or a pure function of data.
"""

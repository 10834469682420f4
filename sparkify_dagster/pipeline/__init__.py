"""A load: what is to be loaded, staging, star, marts, and the audits between them.

What belongs here: the order of the steps and what each does, on any engine and any lake. How an
engine does it is `warehouse`'s, how a store is read `lake`'s, how Dagster hears of it `defs`'.
"""

"""The lake: objects in, decisions and typed records out.

What belongs here: listing objects, routing them to log days, digests, what changed, reading records
and rejecting what is no record. What does not: tables, transactions, Dagster.
"""

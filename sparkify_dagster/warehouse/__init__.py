"""The warehouse: engines, transactions, loads, audits, the ledger.

What belongs here: everything that sends SQL. What does not: the declarations it sends (`model`),
where bytes come from (`lake`), Dagster.
"""

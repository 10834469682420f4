"""DuckDB as the warehouse, one file on a laptop.

What belongs here: opening and letting go of the file, its errors, bulk rows. The statements of
loads and checks are those of every engine and stand elsewhere.
"""

"""Amazon Redshift as the warehouse, over psycopg2.

What belongs here: logging in, connections and their errors, COPY. The statements of loads and
checks are those of every engine and stand elsewhere. Importing this package imports psycopg2: do it
only when the settings name a cluster.
"""

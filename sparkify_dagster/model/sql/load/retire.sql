-- Expects: retired, staged, columns, load_id, where
-- Not DISTINCT: on Redshift it takes keys for one that differ in trailing blanks.
INSERT INTO {retired} ({columns}, "load_id")
SELECT {columns}, CAST({load_id:d} AS BIGINT) FROM {staged} WHERE {where}

-- Expects: keys, staged, retired, since, where
SELECT {keys} FROM {staged} AS s WHERE s.load_id > {since:d} AND {where}
UNION
SELECT {keys} FROM {retired} AS s WHERE {where}

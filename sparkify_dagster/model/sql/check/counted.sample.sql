-- Expects: rows, key, wrong
SELECT {key:r} FROM {rows} AS r WHERE {wrong} ORDER BY {key:r} LIMIT 5

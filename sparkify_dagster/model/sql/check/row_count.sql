-- Expects: rows, source, keys, where
SELECT ABS(t.row_count - x.expected) AS offenders, t.row_count, x.expected
FROM (SELECT COUNT(*) AS row_count FROM {rows} AS r) AS t
CROSS JOIN (
    SELECT COUNT(*) AS expected FROM (SELECT DISTINCT {keys} FROM {source} AS s WHERE {where}) AS k
) AS x

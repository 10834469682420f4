-- Expects: rows, source, keys, where
SELECT ABS(SUM(n.row_count) - SUM(n.expected)) AS offenders,
    SUM(n.row_count) AS row_count, SUM(n.expected) AS expected
FROM (
    SELECT COUNT(*) AS row_count, 0 AS expected FROM {rows} AS r
    UNION ALL
    SELECT 0 AS row_count, COUNT(*) AS expected
    FROM (SELECT DISTINCT {keys} FROM {source} AS s WHERE {where}) AS k
) AS n

-- Expects: mart, total, source, expected
SELECT ABS(SUM(n.total) - SUM(n.expected)) AS offenders,
    SUM(n.total) AS total, SUM(n.expected) AS expected
FROM (
    SELECT COALESCE(SUM({total:r}), 0) AS total, 0 AS expected FROM {mart} AS r
    UNION ALL
    SELECT 0 AS total, {expected} AS expected FROM {source} AS s
) AS n

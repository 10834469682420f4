-- Expects: mart, total, source, expected
SELECT ABS(t.total - x.expected) AS offenders, t.total, x.expected
FROM (SELECT COALESCE(SUM({total:r}), 0) AS total FROM {mart} AS r) AS t
CROSS JOIN (SELECT {expected} AS expected FROM {source} AS s) AS x

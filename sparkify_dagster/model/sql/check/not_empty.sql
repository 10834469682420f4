-- Expects: rows, source_rows, source, where
SELECT
    CASE WHEN t.row_count = 0 AND COALESCE(x.source_rows, 0) > 0 THEN 1 ELSE 0 END AS offenders,
    t.row_count, COALESCE(x.source_rows, 0) AS source_rows
FROM (SELECT COUNT(*) AS row_count FROM {rows} AS r) AS t
CROSS JOIN (SELECT (SELECT {source_rows} FROM {source} AS s WHERE {where}) AS source_rows) AS x

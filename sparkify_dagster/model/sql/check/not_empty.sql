-- Expects: rows, source_rows, source, where
SELECT CASE WHEN SUM(n.row_count) = 0 AND SUM(n.source_rows) > 0 THEN 1 ELSE 0 END AS offenders,
    SUM(n.row_count) AS row_count, SUM(n.source_rows) AS source_rows
FROM (
    SELECT COUNT(*) AS row_count, 0 AS source_rows FROM {rows} AS r
    UNION ALL
    SELECT 0 AS row_count, COALESCE({source_rows}, 0) AS source_rows FROM {source} AS s WHERE {where}
) AS n

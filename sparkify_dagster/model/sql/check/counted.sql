-- Expects: rows, wrong
SELECT COALESCE(SUM(CASE WHEN {wrong} THEN 1 ELSE 0 END), 0) AS offenders, COUNT(*) AS row_count
FROM {rows} AS r

-- Expects: rows, column, target, referred, same
SELECT COALESCE(SUM(CASE WHEN {target:p} IS NULL THEN 1 ELSE 0 END), 0) AS offenders,
    COUNT(*) AS looked_up
FROM {rows} AS r
LEFT JOIN {referred} AS p ON {same}
WHERE {column:r} IS NOT NULL

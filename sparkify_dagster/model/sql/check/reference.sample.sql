-- Expects: rows, column, target, referred, same
SELECT DISTINCT {column:r}
FROM {rows} AS r
LEFT JOIN {referred} AS p ON {same}
WHERE {column:r} IS NOT NULL AND {target:p} IS NULL ORDER BY {column:r} LIMIT 5

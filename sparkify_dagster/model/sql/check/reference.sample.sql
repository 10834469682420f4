-- Expects: rows, column, exact, target, referred, same
SELECT {column:r}
FROM {rows} AS r
LEFT JOIN {referred} AS p ON {same}
WHERE {column:r} IS NOT NULL AND {target:p} IS NULL
GROUP BY {column:r}, {exact} ORDER BY {exact} LIMIT 5

-- Expects: rows, key, grouped, known
SELECT {key:r}, COUNT(*) AS copies FROM {rows} AS r WHERE {known} GROUP BY {grouped}
HAVING COUNT(*) > 1 ORDER BY {key:r} LIMIT 5

-- Expects: rows, key, grouped, known
SELECT COALESCE(SUM(CASE WHEN c.copies > 1 THEN 1 ELSE 0 END), 0) AS offenders,
    COALESCE(SUM(c.copies), 0) AS row_count
FROM (
    SELECT {key:r}, COUNT(*) AS copies FROM {rows} AS r WHERE {known} GROUP BY {grouped}
) AS c

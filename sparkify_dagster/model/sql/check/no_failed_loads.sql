-- Expects: name
SELECT COALESCE(SUM(CASE WHEN n.failed > n.published THEN 1 ELSE 0 END), 0) AS offenders,
    COUNT(*) AS parts
FROM {latest_loads} AS n
WHERE n.target = {name}

-- Expects: name
SELECT n.part FROM {latest_loads} AS n
WHERE n.target = {name} AND n.failed > n.published ORDER BY n.part LIMIT 5

-- Expects: rows, wrong
SELECT r.log_date AS log_day, COUNT(*) AS events, MIN(r.ts) AS earliest, MAX(r.ts) AS latest
FROM {rows} AS r
WHERE {wrong}
GROUP BY r.log_date ORDER BY COUNT(*) DESC, r.log_date LIMIT 5

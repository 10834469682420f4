-- Expects: name
SELECT j.reason, COUNT(*) AS records
FROM {load_rejects} AS j
WHERE j.target_table = {name} AND j.published
GROUP BY j.reason ORDER BY COUNT(*) DESC, j.reason LIMIT 5

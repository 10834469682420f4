-- Expects: only
SELECT j.published, j.reason, COUNT(*)
FROM {load_rejects} AS j
WHERE {only}
GROUP BY j.published, j.reason

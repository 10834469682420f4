-- Expects: only
SELECT j.log_date, j.reason, COUNT(*)
FROM {load_rejects} AS j
WHERE j.target_table = $target AND j.published {only}
GROUP BY j.log_date, j.reason
ORDER BY COUNT(*) DESC, j.reason

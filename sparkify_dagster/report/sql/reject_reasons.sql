SELECT j.target_table, j.reason, COUNT(*) AS records, COUNT(DISTINCT j.object) AS objects
FROM {load_rejects} AS j WHERE j.published
GROUP BY j.target_table, j.reason
ORDER BY records DESC, j.target_table, j.reason LIMIT 8

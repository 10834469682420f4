SELECT j.target_table, j.reason, COUNT(*) AS records
FROM {load_rejects} AS j WHERE j.published
GROUP BY j.target_table, j.reason
ORDER BY records DESC, j.target_table, j.reason

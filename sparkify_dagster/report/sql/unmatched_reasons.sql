SELECT u.reason, COUNT(*) AS names, CAST(SUM(u.plays) AS BIGINT) AS plays
FROM {unmatched_plays} AS u
GROUP BY u.reason ORDER BY plays DESC, u.reason

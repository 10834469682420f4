SELECT b.bucket, COUNT(*) AS sessions
FROM (SELECT CASE WHEN s.minutes < 1 THEN 0 WHEN s.minutes < 10 THEN 1 WHEN s.minutes < 30 THEN 2
                  WHEN s.minutes < 60 THEN 3 WHEN s.minutes < 120 THEN 4
                  WHEN s.minutes < 240 THEN 5 ELSE 6 END AS bucket
      FROM {sessions} AS s) AS b
GROUP BY b.bucket ORDER BY b.bucket

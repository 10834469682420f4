SELECT b.bucket, COUNT(*) AS sessions
FROM (SELECT CASE WHEN s.songs = 0 THEN 0 WHEN s.songs = 1 THEN 1 WHEN s.songs <= 5 THEN 2
                  WHEN s.songs <= 10 THEN 3 WHEN s.songs <= 20 THEN 4
                  WHEN s.songs <= 50 THEN 5 ELSE 6 END AS bucket
      FROM {sessions} AS s) AS b
GROUP BY b.bucket ORDER BY b.bucket

SELECT p.location, CAST(SUM(p.plays) AS BIGINT) AS plays, MAX(p.play_date) AS last_played
FROM {plays_by_place} AS p WHERE p.location <> ''
GROUP BY p.location ORDER BY plays DESC, p.location LIMIT 8

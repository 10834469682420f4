SELECT g.location, g.plays, g.last_played, COUNT(*) OVER () AS in_all
FROM (SELECT p.location, CAST(SUM(p.plays) AS BIGINT) AS plays, MAX(p.play_date) AS last_played
      FROM {plays_by_place} AS p WHERE p.location <> ''
      GROUP BY p.location) AS g
ORDER BY g.plays DESC, g.location LIMIT 8

-- Expects: fact, catalogue
SELECT CASE WHEN t.plays > 0 AND t.matched = 0 AND c.songs > 0 THEN 1 ELSE 0 END AS offenders,
    t.plays, t.matched
FROM (SELECT COUNT(*) AS plays, COUNT(r.song_id) AS matched FROM {fact} AS r) AS t
CROSS JOIN (SELECT COUNT(*) AS songs FROM {catalogue} AS s) AS c

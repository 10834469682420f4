-- Expects: fact, catalogue
SELECT
    CASE WHEN SUM(n.plays) > 0 AND SUM(n.matched) = 0 AND SUM(n.songs) > 0 THEN 1 ELSE 0
    END AS offenders,
    SUM(n.plays) AS plays, SUM(n.matched) AS matched
FROM (
    SELECT COUNT(*) AS plays, COUNT(r.song_id) AS matched, 0 AS songs FROM {fact} AS r
    UNION ALL
    SELECT 0 AS plays, 0 AS matched, COUNT(*) AS songs FROM {catalogue} AS s
) AS n

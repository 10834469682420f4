-- Grain: one row per hour (UTC) in which somebody played something.
WITH people AS (
    SELECT CAST(s.start_time AS DATE) AS play_date,
        CAST(EXTRACT(HOUR FROM s.start_time) AS INTEGER) AS hour, s.user_id,
        COUNT(*) AS plays, COUNT(s.song_id) AS matched
    FROM {songplay} AS s
    GROUP BY CAST(s.start_time AS DATE), CAST(EXTRACT(HOUR FROM s.start_time) AS INTEGER), s.user_id
)
SELECT p.play_date, p.hour, CAST(SUM(p.plays) AS BIGINT) AS plays, COUNT(*) AS listeners,
    CAST(SUM(p.matched) AS BIGINT) AS matched
FROM people AS p
GROUP BY p.play_date, p.hour

-- Grain: one row per day (UTC) and place as the events name it; '' where they name none.
WITH people AS (
    SELECT CAST(s.start_time AS DATE) AS play_date, COALESCE(s.location, '') || CHR(1) AS location,
        s.user_id, COUNT(*) AS plays
    FROM {songplay} AS s
    GROUP BY CAST(s.start_time AS DATE), COALESCE(s.location, '') || CHR(1), s.user_id
)
SELECT p.play_date, SUBSTRING(p.location, 1, LENGTH(p.location) - 1) AS location,
    CAST(SUM(p.plays) AS BIGINT) AS plays, COUNT(*) AS listeners
FROM people AS p
GROUP BY p.play_date, p.location

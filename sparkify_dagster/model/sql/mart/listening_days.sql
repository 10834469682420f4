-- Grain: one row per person and day (UTC) on which they played something.
SELECT s.user_id, CAST(s.start_time AS DATE) AS play_date, COUNT(*) AS plays
FROM {songplay} AS s
GROUP BY s.user_id, CAST(s.start_time AS DATE)

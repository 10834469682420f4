-- Grain: one row per day (UTC) on which anybody played something. A person is new on their first.
WITH first_days AS (
    SELECT d.user_id, MIN(d.play_date) AS play_date
    FROM {listening_days} AS d
    GROUP BY d.user_id
)
SELECT d.play_date, COUNT(*) AS active, COUNT(f.user_id) AS new_listeners,
    COUNT(*) - COUNT(f.user_id) AS returning_listeners
FROM {listening_days} AS d
LEFT JOIN first_days AS f ON f.user_id = d.user_id AND f.play_date = d.play_date
GROUP BY d.play_date

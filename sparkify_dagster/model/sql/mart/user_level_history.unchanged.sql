-- People whose new events lie in the period that lasts, at its level: they change nothing.
SELECT e.user_id
FROM {staging_events_table} AS e
LEFT JOIN {user_level_history} AS h ON h.user_id = e.user_id AND h.valid_to IS NULL
WHERE e.user_id IS NOT NULL AND e.level IN ('free', 'paid') AND LENGTH(e.level) = 4
GROUP BY e.user_id
HAVING SUM(
    CASE
        WHEN e.page = 'Cancellation Confirmation' AND LENGTH(e.page) = 25 THEN 1
        WHEN e.level = h.level AND e.ts >= h.valid_from THEN 0
        ELSE 1
    END
) = 0

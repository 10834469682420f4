-- Grain: one row per day (UTC) on which a subscription began, changed or ended. Free and paid count
-- the people whose subscription that is at the end of the day.
WITH changes AS (
    SELECT CAST(h.valid_from AS DATE) AS day,
        CASE WHEN h.level = 'free' THEN 1 ELSE 0 END AS free,
        CASE WHEN h.level = 'paid' THEN 1 ELSE 0 END AS paid,
        CASE WHEN h.started_by = 'upgrade' THEN 1 ELSE 0 END AS upgrades,
        CASE WHEN h.started_by = 'downgrade' THEN 1 ELSE 0 END AS downgrades,
        0 AS cancellations
    FROM {user_level_history} AS h
    UNION ALL
    SELECT CAST(h.valid_to AS DATE) AS day,
        CASE WHEN h.level = 'free' THEN -1 ELSE 0 END AS free,
        CASE WHEN h.level = 'paid' THEN -1 ELSE 0 END AS paid,
        0 AS upgrades, 0 AS downgrades,
        CASE WHEN h.ended_by = 'cancellation' THEN 1 ELSE 0 END AS cancellations
    FROM {user_level_history} AS h
    WHERE h.valid_to IS NOT NULL
),
days AS (
    SELECT c.day, SUM(c.free) AS free, SUM(c.paid) AS paid, SUM(c.upgrades) AS upgrades,
        SUM(c.downgrades) AS downgrades, SUM(c.cancellations) AS cancellations
    FROM changes AS c
    GROUP BY c.day
)
SELECT d.day,
    CAST(SUM(d.free) OVER (ORDER BY d.day ROWS UNBOUNDED PRECEDING) AS BIGINT) AS free,
    CAST(SUM(d.paid) OVER (ORDER BY d.day ROWS UNBOUNDED PRECEDING) AS BIGINT) AS paid,
    CAST(d.upgrades AS BIGINT) AS upgrades, CAST(d.downgrades AS BIGINT) AS downgrades,
    CAST(d.cancellations AS BIGINT) AS cancellations
FROM days AS d

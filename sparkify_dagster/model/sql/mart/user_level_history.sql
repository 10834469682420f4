-- Grain: one row per person and period of one subscription. Events whose level is neither free nor
-- paid say nothing; of several events of a person at one moment the last counts.
-- Most people never change: only the events of those who do are put in order.
WITH people AS (
    SELECT s.user_id, MIN(s.ts) AS first_ts, MIN(s.level) AS level, MAX(s.level) AS other_level,
        MAX(
            CASE WHEN s.page = 'Cancellation Confirmation' AND LENGTH(s.page) = 25 THEN 1 ELSE 0 END
        ) AS cancels
    FROM {staging_events_table} AS s
    WHERE s.user_id IS NOT NULL AND s.level IN ('free', 'paid') AND LENGTH(s.level) = 4
    GROUP BY s.user_id
),
events AS (
    SELECT s.user_id, s.ts, s.level,
        CASE WHEN s.page = 'Cancellation Confirmation' AND LENGTH(s.page) = 25 THEN 1 ELSE 0 END
            AS cancels,
        s.session_id, s.item_in_session, s.log_date
    FROM {staging_events_table} AS s
    JOIN people AS p ON p.user_id = s.user_id
    WHERE s.level IN ('free', 'paid') AND LENGTH(s.level) = 4
        AND (p.level <> p.other_level OR p.cancels = 1)
),
in_order AS (
    SELECT e.user_id, e.ts, e.level, e.cancels,
        LEAD(e.ts) OVER (
            PARTITION BY e.user_id
            ORDER BY e.ts, e.session_id, e.item_in_session, e.log_date, e.level, e.cancels
        ) AS next_ts
    FROM events AS e
),
moments AS (
    SELECT o.user_id, o.ts, o.level, o.cancels,
        LAG(o.level) OVER (PARTITION BY o.user_id ORDER BY o.ts) AS level_before,
        LAG(o.cancels) OVER (PARTITION BY o.user_id ORDER BY o.ts) AS cancelled_before
    FROM in_order AS o
    WHERE o.next_ts IS NULL OR o.next_ts > o.ts
),
told AS (
    SELECT m.user_id, m.ts, m.level, m.cancels,
        CASE
            WHEN m.level_before IS NULL THEN 'first'
            WHEN m.cancelled_before = 1 THEN 'return'
            WHEN m.level_before = 'free' AND m.level = 'paid' THEN 'upgrade'
            WHEN m.level_before = 'paid' AND m.level = 'free' THEN 'downgrade'
        END AS started_by
    FROM moments AS m
),
changes AS (
    SELECT t.user_id, t.ts, t.level, t.cancels, t.started_by,
        LEAD(t.ts) OVER (PARTITION BY t.user_id ORDER BY t.ts) AS next_ts,
        LEAD(t.started_by) OVER (PARTITION BY t.user_id ORDER BY t.ts) AS next_started_by
    FROM told AS t
    WHERE t.started_by IS NOT NULL OR t.cancels = 1
)
SELECT c.user_id, c.ts AS valid_from, CASE WHEN c.cancels = 1 THEN c.ts ELSE c.next_ts END AS valid_to,
    c.level, c.started_by,
    CASE
        WHEN c.cancels = 1 THEN 'cancellation'
        WHEN c.next_ts IS NOT NULL THEN COALESCE(c.next_started_by, 'cancellation')
    END AS ended_by
FROM changes AS c
WHERE c.started_by IS NOT NULL
UNION ALL
SELECT p.user_id, p.first_ts AS valid_from, NULL AS valid_to, p.level, 'first' AS started_by,
    NULL AS ended_by
FROM people AS p
WHERE p.level = p.other_level AND p.cancels = 0

-- Grain: one row per session of an identified person. An event delivered again counts once.
WITH events AS (
    SELECT s.user_id, s.session_id, s.item_in_session, MIN(s.ts) AS first_ts, MAX(s.ts) AS last_ts,
        MAX(CASE WHEN s.page = 'NextSong' AND LENGTH(s.page) = 8 THEN 1 ELSE 0 END) AS songs
    FROM {staging_events_table} AS s
    WHERE s.user_id IS NOT NULL
    GROUP BY s.user_id, s.session_id, s.item_in_session
),
bounds AS (
    SELECT e.user_id, e.session_id, MIN(e.first_ts) AS started_at, MAX(e.last_ts) AS ended_at,
        COUNT(*) AS events, CAST(SUM(e.songs) AS BIGINT) AS songs
    FROM events AS e
    GROUP BY e.user_id, e.session_id
),
last_events AS (
    SELECT s.user_id, s.session_id, s.level,
        ROW_NUMBER() OVER (
            PARTITION BY s.user_id, s.session_id
            ORDER BY s.item_in_session DESC, s.log_date DESC, s.level || CHR(1) ASC NULLS LAST
        ) AS choice
    FROM {staging_events_table} AS s
    JOIN bounds AS b
        ON b.user_id = s.user_id AND b.session_id = s.session_id AND b.ended_at = s.ts
)
SELECT b.user_id, b.session_id, b.started_at, b.ended_at,
    (
        (CAST(b.ended_at AS DATE) - CAST(b.started_at AS DATE)) * CAST(1440 AS BIGINT)
        + (EXTRACT(HOUR FROM b.ended_at) - EXTRACT(HOUR FROM b.started_at)) * 60
        + EXTRACT(MINUTE FROM b.ended_at) - EXTRACT(MINUTE FROM b.started_at)
    ) + CAST(
        EXTRACT(SECOND FROM DATE_TRUNC('second', b.ended_at))
        - EXTRACT(SECOND FROM DATE_TRUNC('second', b.started_at)) AS DOUBLE PRECISION
    ) / 60.0 AS minutes,
    b.events, b.songs, e.level
FROM bounds AS b
JOIN last_events AS e
    ON e.choice = 1 AND e.user_id = b.user_id AND e.session_id = b.session_id

-- Grain: one row per person ever identified, on any page. The latest event says who they are.
WITH latest AS (
    SELECT s.user_id, MAX(s.ts) AS ts
    FROM {staging_events_table} AS s
    WHERE s.user_id IS NOT NULL
    GROUP BY s.user_id
),
ranked AS (
    SELECT s.user_id, s.first_name, s.last_name, s.gender, s.level,
        ROW_NUMBER() OVER (
            PARTITION BY s.user_id
            ORDER BY s.session_id DESC, s.item_in_session DESC, s.log_date DESC,
                s.first_name || CHR(1) ASC NULLS LAST, s.last_name || CHR(1) ASC NULLS LAST,
                s.gender || CHR(1) ASC NULLS LAST, s.level || CHR(1) ASC NULLS LAST
        ) AS choice
    FROM {staging_events_table} AS s
    JOIN latest AS l ON l.user_id = s.user_id AND l.ts = s.ts
)
SELECT r.user_id, r.first_name, r.last_name, r.gender, r.level
FROM ranked AS r
WHERE r.choice = 1

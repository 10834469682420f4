-- Grain: one row per day (UTC) and song as the events name it, whether the catalogue has it or not.
-- The names are those of the delivery that `songplay` took. It is found again by the play's
-- identity, log day and time; where several agree in these, the smallest names won.
WITH heard AS (
    SELECT p.user_id, p.session_id, p.item_in_session, CAST(p.start_time AS DATE) AS play_date,
        p.song_id, e.song, e.artist
    FROM {songplay} AS p
    JOIN {staging_events_table} AS e
        ON e.user_id = p.user_id AND e.session_id = p.session_id
        AND e.item_in_session = p.item_in_session AND e.log_date = p.log_date
        AND e.ts = p.start_time
    WHERE e.page = 'NextSong' AND LENGTH(e.page) = 8
),
heard_again AS (
    SELECT h.user_id, h.session_id, h.item_in_session
    FROM heard AS h
    GROUP BY h.user_id, h.session_id, h.item_in_session
    HAVING COUNT(*) > 1
),
ranked AS (
    SELECT h.play_date, h.song_id, h.song, h.artist,
        ROW_NUMBER() OVER (
            PARTITION BY h.user_id, h.session_id, h.item_in_session
            ORDER BY h.song || CHR(1) ASC NULLS LAST, h.artist || CHR(1) ASC NULLS LAST
        ) AS choice
    FROM heard AS h
    JOIN heard_again AS a
        ON a.user_id = h.user_id AND a.session_id = h.session_id
        AND a.item_in_session = h.item_in_session
),
plays AS (
    SELECT h.play_date, h.song_id, h.song, h.artist
    FROM heard AS h
    LEFT JOIN heard_again AS a
        ON a.user_id = h.user_id AND a.session_id = h.session_id
        AND a.item_in_session = h.item_in_session
    WHERE a.user_id IS NULL
    UNION ALL
    SELECT r.play_date, r.song_id, r.song, r.artist
    FROM ranked AS r
    WHERE r.choice = 1
),
spelt AS (
    SELECT p.play_date, p.song, p.artist, MIN(p.song_id || CHR(1)) AS song_id, COUNT(*) AS plays,
        COUNT(p.song_id) AS matched
    FROM plays AS p
    GROUP BY p.play_date, p.song, p.artist
),
named AS (
    SELECT s.play_date, TRIM(BOTH ' ' FROM COALESCE(s.song, '')) AS title,
        TRIM(BOTH ' ' FROM COALESCE(s.artist, '')) AS artist_name, s.song_id, s.plays, s.matched
    FROM spelt AS s
),
counted AS (
    SELECT n.play_date, n.title, n.artist_name, MIN(n.song_id) AS song_id,
        CAST(SUM(n.plays) AS BIGINT) AS plays, CAST(SUM(n.matched) AS BIGINT) AS matched
    FROM named AS n
    GROUP BY n.play_date, n.title, n.artist_name
)
SELECT c.play_date, c.title, c.artist_name,
    SUBSTRING(c.song_id, 1, LENGTH(c.song_id) - 1) AS song_id, c.plays, c.matched
FROM counted AS c

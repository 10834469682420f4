-- Grain: one row per play, whatever the number of times it was delivered.
-- A play delivered again keeps its earliest form; a play finds the song of its title and artist
-- whose duration is nearest. Nearly all names have one song only, so that just the plays of the
-- other names are held against each of theirs. Names are compared repaired (`match_names`): each
-- name of the catalogue is put beside all the ways it is spelt, so that plays are joined as they are.
-- An alias of names stands in place of the songs that have them.
-- CHR(1) makes trailing blanks count when texts are
-- ordered (Redshift ignores them otherwise). A difference that no double holds comes last, like none:
-- Redshift refuses to compute it.
WITH delivered_again AS (
    SELECT s.user_id, s.session_id, s.item_in_session
    FROM {staging_events_table} AS s
    WHERE s.page = 'NextSong' AND LENGTH(s.page) = 8 AND s.user_id IS NOT NULL
    GROUP BY s.user_id, s.session_id, s.item_in_session
    HAVING COUNT(*) > 1
),
ranked AS (
    SELECT p.user_id, p.session_id, p.item_in_session, p.log_date, p.ts, p.song, p.artist, p.length,
        p.level, p.location, p.user_agent,
        ROW_NUMBER() OVER (
            PARTITION BY p.user_id, p.session_id, p.item_in_session
            ORDER BY p.log_date, p.ts,
                p.song || CHR(1) ASC NULLS LAST, p.artist || CHR(1) ASC NULLS LAST,
                p.length ASC NULLS LAST, p.level || CHR(1) ASC NULLS LAST,
                p.location || CHR(1) ASC NULLS LAST, p.user_agent || CHR(1) ASC NULLS LAST
        ) AS choice
    FROM {staging_events_table} AS p
    JOIN delivered_again AS d
        ON d.user_id = p.user_id AND d.session_id = p.session_id
        AND d.item_in_session = p.item_in_session
    WHERE p.page = 'NextSong' AND LENGTH(p.page) = 8
),
plays AS (
    SELECT p.user_id, p.session_id, p.item_in_session, p.log_date, p.ts, p.song, p.artist, p.length,
        p.level, p.location, p.user_agent
    FROM {staging_events_table} AS p
    LEFT JOIN delivered_again AS d
        ON d.user_id = p.user_id AND d.session_id = p.session_id
        AND d.item_in_session = p.item_in_session
    WHERE p.page = 'NextSong' AND LENGTH(p.page) = 8 AND p.user_id IS NOT NULL AND d.user_id IS NULL
    UNION ALL
    SELECT r.user_id, r.session_id, r.item_in_session, r.log_date, r.ts, r.song, r.artist, r.length,
        r.level, r.location, r.user_agent
    FROM ranked AS r
    WHERE r.choice = 1
),
named_songs AS (
    SELECT COALESCE(t.match_name, TRIM(BOTH ' ' FROM s.title)) AS title,
        COALESCE(a.match_name, TRIM(BOTH ' ' FROM s.artist_name)) AS artist_name,
        CASE WHEN t.text IS NULL AND a.text IS NULL THEN 'exact' ELSE 'repaired' END AS way,
        s.song_id, s.artist_id, s.duration
    FROM {staging_songs_table} AS s
    LEFT JOIN {match_names} AS t ON t.text = TRIM(BOTH ' ' FROM s.title)
    LEFT JOIN {match_names} AS a ON a.text = TRIM(BOTH ' ' FROM s.artist_name)
),
names AS (
    SELECT n.title, n.artist_name, COUNT(*) AS songs, MIN(n.song_id || CHR(1)) AS song_id,
        MIN(n.artist_id || CHR(1)) AS artist_id, MIN(n.way) AS way
    FROM named_songs AS n
    GROUP BY n.title, n.artist_name
),
aliases AS (
    SELECT l.song AS title, l.artist AS artist_name, g.song_id, g.artist_id
    FROM {song_aliases} AS l
    JOIN {song} AS g ON g.song_id || CHR(1) = l.song_id || CHR(1)
),
targets AS (
    SELECT n.title, n.artist_name, n.songs, n.song_id, n.artist_id, n.way
    FROM names AS n
    LEFT JOIN aliases AS l ON l.title = n.title AND l.artist_name = n.artist_name
    WHERE l.title IS NULL
    UNION ALL
    SELECT l.title, l.artist_name, 1 AS songs, l.song_id || CHR(1) AS song_id,
        l.artist_id || CHR(1) AS artist_id, 'alias' AS way
    FROM aliases AS l
),
titles AS (
    SELECT n.title AS song, n.title, n.artist_name, n.songs, n.song_id, n.artist_id, n.way
    FROM targets AS n
    LEFT JOIN {match_names} AS m ON m.text = n.title
    WHERE m.text IS NULL
    UNION ALL
    SELECT m.text AS song, n.title, n.artist_name, n.songs, n.song_id, n.artist_id,
        CASE WHEN n.way = 'alias' THEN n.way ELSE 'repaired' END AS way
    FROM targets AS n
    JOIN {match_names} AS m ON m.match_name = n.title
),
spellings AS (
    SELECT n.song, n.artist_name AS artist, n.title, n.artist_name, n.songs, n.song_id, n.artist_id,
        n.way
    FROM titles AS n
    LEFT JOIN {match_names} AS m ON m.text = n.artist_name
    WHERE m.text IS NULL
    UNION ALL
    SELECT n.song, m.text AS artist, n.title, n.artist_name, n.songs, n.song_id, n.artist_id,
        CASE WHEN n.way = 'alias' THEN n.way ELSE 'repaired' END AS way
    FROM titles AS n
    JOIN {match_names} AS m ON m.match_name = n.artist_name
),
spelt AS (
    SELECT n.song, n.artist, MIN(n.title) AS title, MIN(n.artist_name) AS artist_name,
        MIN(n.songs) AS songs, MIN(n.song_id) AS song_id, MIN(n.artist_id) AS artist_id,
        MIN(n.way) AS way
    FROM spellings AS n
    GROUP BY n.song, n.artist
),
asked AS (
    SELECT DISTINCT n.title, n.artist_name, COALESCE(p.length, 0) AS length,
        CASE WHEN p.length IS NULL THEN 1 ELSE 0 END AS no_length
    FROM {staging_events_table} AS p
    JOIN spelt AS n
        ON n.songs > 1 AND n.song = TRIM(BOTH ' ' FROM p.song)
        AND n.artist = TRIM(BOTH ' ' FROM p.artist)
),
candidates AS (
    SELECT a.title, a.artist_name, a.length, a.no_length, n.song_id, n.artist_id,
        n.way,
        ROW_NUMBER() OVER (
            PARTITION BY a.title, a.artist_name, a.length, a.no_length
            ORDER BY
                CASE
                    WHEN a.no_length = 1 THEN NULL
                    WHEN (n.duration < 0) = (a.length < 0)
                        OR CAST('1.797693134862315E308' AS DOUBLE PRECISION) - ABS(n.duration)
                            >= ABS(a.length)
                        THEN ABS(n.duration - a.length)
                END ASC NULLS LAST,
                n.song_id || CHR(1), n.artist_id || CHR(1), n.way
        ) AS choice
    FROM asked AS a
    JOIN named_songs AS n ON n.title = a.title AND n.artist_name = a.artist_name
)
SELECT
    MD5(
        CAST(p.user_id AS VARCHAR(20)) || '|' || CAST(p.session_id AS VARCHAR(20)) || '|'
        || CAST(p.item_in_session AS VARCHAR(20))
    ) AS songplay_id,
    p.ts AS start_time, p.user_id, p.level,
    COALESCE(c.song_id, SUBSTRING(n.song_id, 1, LENGTH(n.song_id) - 1)) AS song_id,
    COALESCE(c.artist_id, SUBSTRING(n.artist_id, 1, LENGTH(n.artist_id) - 1)) AS artist_id,
    p.session_id, p.location, p.user_agent, p.log_date, p.item_in_session,
    CASE WHEN n.way = 'exact' THEN COALESCE(c.way, n.way) ELSE n.way END AS matched_by
FROM plays AS p
LEFT JOIN spelt AS n
    ON n.song = TRIM(BOTH ' ' FROM p.song) AND n.artist = TRIM(BOTH ' ' FROM p.artist)
LEFT JOIN candidates AS c
    ON c.choice = 1 AND c.title = n.title AND c.artist_name = n.artist_name
    AND c.length = COALESCE(p.length, 0)
    AND c.no_length = CASE WHEN p.length IS NULL THEN 1 ELSE 0 END

-- Grain: one row per song, and per artist, of the hundred played most often. Ties go by name, and
-- names are compared of those only that are played as often as the hundredth.
WITH songs AS (
    SELECT s.title, s.artist_name, SUM(s.plays) AS plays, SUM(s.matched) AS matched,
        MAX(s.play_date) AS last_played
    FROM {plays_by_song} AS s
    GROUP BY s.title, s.artist_name
),
artists AS (
    SELECT s.artist_name, SUM(s.plays) AS plays, SUM(s.matched) AS matched,
        MAX(s.last_played) AS last_played
    FROM songs AS s
    WHERE s.artist_name <> ''
    GROUP BY s.artist_name
),
ranked AS (
    SELECT CAST('song' AS VARCHAR(8)) AS kind, s.title, s.artist_name, s.plays, s.matched,
        s.last_played,
        ROW_NUMBER() OVER (
            ORDER BY s.plays DESC NULLS LAST, s.title || CHR(1), s.artist_name || CHR(1)
        ) AS rank
    FROM songs AS s
    WHERE s.title <> '' AND s.plays >= (
        SELECT MIN(t.plays)
        FROM (
            SELECT n.plays FROM songs AS n
            WHERE n.title <> ''
            ORDER BY n.plays DESC NULLS LAST
            LIMIT 100
        ) AS t
    )
    UNION ALL
    SELECT CAST('artist' AS VARCHAR(8)) AS kind, '' AS title, a.artist_name, a.plays, a.matched,
        a.last_played,
        ROW_NUMBER() OVER (ORDER BY a.plays DESC NULLS LAST, a.artist_name || CHR(1)) AS rank
    FROM artists AS a
    WHERE a.plays >= (
        SELECT MIN(t.plays)
        FROM (SELECT n.plays FROM artists AS n ORDER BY n.plays DESC NULLS LAST LIMIT 100) AS t
    )
)
SELECT r.kind, CAST(r.rank AS INTEGER) AS rank, r.title, r.artist_name,
    CAST(r.plays AS BIGINT) AS plays, CAST(r.matched AS BIGINT) AS matched, r.last_played
FROM ranked AS r
WHERE r.rank <= 100

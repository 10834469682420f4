-- Grain: one row per song of the events that found none in the catalogue; the thousand played most
-- often. Names are compared without regard to case, blanks and punctuation, and a name of nothing
-- else by its punctuation; the closest song agrees in title and artist, else in the title, else in
-- the artist. It is chosen once for each name that is asked for: a name may be asked for by a
-- thousand songs, and an artist may have a million.
WITH marks AS (
    -- Dollar, per cent, backslash and braces, which mean something else to those who read this text.
    SELECT CHR(36) || CHR(37) || CHR(92) || CHR(123) || CHR(125) AS more, CHR(92) AS back,
        -- What no JSON text holds as it is.
        CHR(1) || CHR(2) || CHR(3) || CHR(4) || CHR(5) || CHR(6) || CHR(7) || CHR(8) ||
        CHR(9) || CHR(10) || CHR(11) || CHR(12) || CHR(13) || CHR(14) || CHR(15) || CHR(16)
        || CHR(17) || CHR(18) || CHR(19) || CHR(20) || CHR(21) || CHR(22) || CHR(23) ||
        CHR(24) || CHR(25) || CHR(26) || CHR(27) || CHR(28) || CHR(29) || CHR(30) || CHR(31)
            AS controls
),
songs AS (
    SELECT s.title, s.artist_name, CAST(SUM(s.plays - s.matched) AS BIGINT) AS plays,
        MAX(s.play_date) AS last_played
    FROM {plays_by_song} AS s
    WHERE s.plays > s.matched
    GROUP BY s.title, s.artist_name
),
ranked AS (
    SELECT s.title, s.artist_name, s.plays, s.last_played,
        ROW_NUMBER() OVER (
            ORDER BY s.plays DESC NULLS LAST, s.title || CHR(1), s.artist_name || CHR(1)
        ) AS rank
    FROM songs AS s
),
missing AS (
    SELECT r.rank, r.title, r.artist_name, r.plays, r.last_played,
        COALESCE(NULLIF(TRANSLATE(REPLACE(LOWER(r.title), '’', ''),
            'a !"#&''()*+,-./:;<=>?@[]^_`|~' || m.more, 'a'), ''), REPLACE(r.title, ' ', ''))
            AS folded_title,
        COALESCE(NULLIF(TRANSLATE(REPLACE(LOWER(r.artist_name), '’', ''),
            'a !"#&''()*+,-./:;<=>?@[]^_`|~' || m.more, 'a'), ''), REPLACE(r.artist_name, ' ', ''))
            AS folded_artist
    FROM ranked AS r
    CROSS JOIN marks AS m
    WHERE r.rank <= 1000
),
artists AS (
    SELECT a.artist_id, a.name,
        COALESCE(NULLIF(TRANSLATE(REPLACE(LOWER(a.name), '’', ''),
            'a !"#&''()*+,-./:;<=>?@[]^_`|~' || m.more, 'a'), ''), REPLACE(a.name, ' ', ''))
            AS folded_artist
    FROM {artist} AS a
    CROSS JOIN marks AS m
),
catalogue AS (
    SELECT g.song_id, g.title, a.name AS artist_name, a.folded_artist,
        COALESCE(NULLIF(TRANSLATE(REPLACE(LOWER(g.title), '’', ''),
            'a !"#&''()*+,-./:;<=>?@[]^_`|~' || m.more, 'a'), ''), REPLACE(g.title, ' ', ''))
            AS folded_title
    FROM {song} AS g
    CROSS JOIN marks AS m
    LEFT JOIN artists AS a ON a.artist_id || CHR(1) = g.artist_id || CHR(1)
),
asked AS (
    SELECT m.rank, 1 AS closeness, m.folded_title, m.folded_artist
    FROM missing AS m
    WHERE m.folded_title <> '' AND m.folded_artist <> ''
    UNION ALL
    SELECT m.rank, 2 AS closeness, m.folded_title, '' AS folded_artist
    FROM missing AS m
    WHERE m.folded_title <> ''
    UNION ALL
    SELECT m.rank, 3 AS closeness, '' AS folded_title, m.folded_artist
    FROM missing AS m
    WHERE m.folded_artist <> '' AND m.title <> ''
),
names AS (
    SELECT DISTINCT a.closeness, a.folded_title, a.folded_artist FROM asked AS a
),
candidates AS (
    SELECT n.closeness, n.folded_title, n.folded_artist, c.song_id, c.title, c.artist_name
    FROM names AS n
    JOIN catalogue AS c
        ON c.folded_title = n.folded_title AND c.folded_artist = n.folded_artist
    WHERE n.closeness = 1
    UNION ALL
    SELECT n.closeness, n.folded_title, n.folded_artist, c.song_id, c.title, c.artist_name
    FROM names AS n
    JOIN catalogue AS c ON c.folded_title = n.folded_title
    WHERE n.closeness = 2
    UNION ALL
    SELECT n.closeness, n.folded_title, n.folded_artist, c.song_id, c.title, c.artist_name
    FROM names AS n
    JOIN catalogue AS c ON c.folded_artist = n.folded_artist
    WHERE n.closeness = 3
),
firsts AS (
    SELECT c.closeness, c.folded_title, c.folded_artist, c.song_id, c.title, c.artist_name,
        ROW_NUMBER() OVER (
            PARTITION BY c.closeness, c.folded_title, c.folded_artist
            ORDER BY c.title || CHR(1), c.artist_name || CHR(1) ASC NULLS LAST, c.song_id || CHR(1)
        ) AS choice
    FROM candidates AS c
),
closest AS (
    SELECT a.rank, f.song_id, f.title, f.artist_name, f.closeness,
        ROW_NUMBER() OVER (PARTITION BY a.rank ORDER BY f.closeness) AS choice
    FROM asked AS a
    JOIN firsts AS f
        ON f.choice = 1 AND f.closeness = a.closeness AND f.folded_title = a.folded_title
        AND f.folded_artist = a.folded_artist
)
SELECT CAST(m.rank AS INTEGER) AS rank, m.title, m.artist_name, m.plays, m.last_played,
    CASE
        WHEN m.title = '' THEN 'the event names no song'
        WHEN c.closeness = 1 THEN 'title and artist differ only in spelling'
        WHEN c.closeness = 2 THEN 'the catalogue has the title by another artist'
        WHEN c.closeness = 3 THEN 'the catalogue has the artist with other titles'
        ELSE 'neither title nor artist is in the catalogue'
    END AS reason,
    c.song_id AS closest_song_id, c.title AS closest_title, c.artist_name AS closest_artist,
    CASE
        WHEN c.closeness < 3 AND m.artist_name <> ''
            AND TRANSLATE(m.title || m.artist_name || c.song_id, k.controls, '')
            = m.title || m.artist_name || c.song_id
            THEN CHR(123) || '"song": "'
            || REPLACE(REPLACE(m.title, k.back, k.back || k.back), '"', k.back || '"')
            || '", "artist": "'
            || REPLACE(REPLACE(m.artist_name, k.back, k.back || k.back), '"', k.back || '"')
            || '", "song_id": "'
            || REPLACE(REPLACE(c.song_id, k.back, k.back || k.back), '"', k.back || '"')
            || '"' || CHR(125)
    END AS alias
FROM missing AS m
CROSS JOIN marks AS k
LEFT JOIN closest AS c ON c.rank = m.rank AND c.choice = 1

-- Grain: one row per song of the events that found none in the catalogue; the thousand played most
-- often. Names are compared without regard to case, blanks and punctuation, and a name of nothing
-- else by its punctuation; the closest song agrees in title and artist, else in the title, else in
-- the artist.
WITH marks AS (
    -- Dollar, per cent, backslash and braces, which mean something else to those who read this text.
    SELECT CHR(36) || CHR(37) || CHR(92) || CHR(123) || CHR(125) AS more
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
catalogue AS (
    SELECT g.song_id, g.title, a.name AS artist_name,
        COALESCE(NULLIF(TRANSLATE(REPLACE(LOWER(g.title), '’', ''),
            'a !"#&''()*+,-./:;<=>?@[]^_`|~' || m.more, 'a'), ''), REPLACE(g.title, ' ', ''))
            AS folded_title,
        COALESCE(NULLIF(TRANSLATE(REPLACE(LOWER(a.name), '’', ''),
            'a !"#&''()*+,-./:;<=>?@[]^_`|~' || m.more, 'a'), ''), REPLACE(a.name, ' ', ''))
            AS folded_artist
    FROM {song} AS g
    CROSS JOIN marks AS m
    LEFT JOIN {artist} AS a ON a.artist_id || CHR(1) = g.artist_id || CHR(1)
),
candidates AS (
    SELECT m.rank, c.song_id, c.title, c.artist_name,
        CASE
            WHEN c.folded_artist = m.folded_artist AND m.folded_artist <> '' THEN 1
            ELSE 2
        END AS closeness
    FROM missing AS m
    JOIN catalogue AS c ON c.folded_title = m.folded_title
    WHERE m.folded_title <> ''
    UNION ALL
    SELECT m.rank, c.song_id, c.title, c.artist_name, 3 AS closeness
    FROM missing AS m
    JOIN catalogue AS c ON c.folded_artist = m.folded_artist
    WHERE m.folded_artist <> '' AND m.title <> ''
),
closest AS (
    SELECT c.rank, c.song_id, c.title, c.artist_name, c.closeness,
        ROW_NUMBER() OVER (
            PARTITION BY c.rank
            ORDER BY c.closeness, c.title || CHR(1), c.artist_name || CHR(1) ASC NULLS LAST,
                c.song_id || CHR(1)
        ) AS choice
    FROM candidates AS c
)
SELECT CAST(m.rank AS INTEGER) AS rank, m.title, m.artist_name, m.plays, m.last_played,
    CASE
        WHEN m.title = '' THEN 'the event names no song'
        WHEN c.closeness = 1 THEN 'title and artist differ only in spelling'
        WHEN c.closeness = 2 THEN 'the catalogue has the title by another artist'
        WHEN c.closeness = 3 THEN 'the catalogue has the artist with other titles'
        ELSE 'neither title nor artist is in the catalogue'
    END AS reason,
    c.song_id AS closest_song_id, c.title AS closest_title, c.artist_name AS closest_artist
FROM missing AS m
LEFT JOIN closest AS c ON c.rank = m.rank AND c.choice = 1

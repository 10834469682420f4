-- Grain: one row per song_id. Of several staged rows the one with the largest year wins; year 0
-- is unknown.
WITH ranked AS (
    SELECT s.song_id, s.title, s.artist_id, s.year, s.duration,
        ROW_NUMBER() OVER (
            PARTITION BY s.song_id || CHR(1)
            ORDER BY s.year DESC NULLS LAST, s.title || CHR(1), s.artist_id || CHR(1), s.duration
        ) AS choice
    FROM {staging_songs_table} AS s
)
SELECT r.song_id, r.title, r.artist_id, NULLIF(r.year, 0) AS year, r.duration
FROM ranked AS r
WHERE r.choice = 1

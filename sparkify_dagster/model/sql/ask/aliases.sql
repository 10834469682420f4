-- Grain: one row per alias: its song in the catalogue, how many songs have its names by themselves,
-- and how many of these are its song.
WITH named_songs AS (
    SELECT COALESCE(t.match_name, TRIM(BOTH ' ' FROM s.title)) AS title,
        COALESCE(a.match_name, TRIM(BOTH ' ' FROM s.artist_name)) AS artist_name, s.song_id
    FROM {staging_songs_table} AS s
    LEFT JOIN {match_names} AS t ON t.text = TRIM(BOTH ' ' FROM s.title)
    LEFT JOIN {match_names} AS a ON a.text = TRIM(BOTH ' ' FROM s.artist_name)
)
SELECT l.song, l.artist, l.song_id, COUNT(g.song_id) AS known, COUNT(n.song_id) AS named,
    COUNT(CASE WHEN n.song_id || CHR(1) = l.song_id || CHR(1) THEN 1 END) AS same
FROM {song_aliases} AS l
LEFT JOIN {song} AS g ON g.song_id || CHR(1) = l.song_id || CHR(1)
LEFT JOIN named_songs AS n ON n.title = l.song AND n.artist_name = l.artist
GROUP BY l.song, l.artist, l.song_id
ORDER BY l.song_id || CHR(1), l.song || CHR(1), l.artist || CHR(1)

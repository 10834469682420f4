-- Expects: since, changed_aliases
-- Titles and artists whose plays must be matched anew.
SELECT s.title, s.artist_name FROM {staging_songs_table} AS s WHERE s.load_id > {since:d}
UNION ALL
SELECT s.title, s.artist_name FROM {retired_songs} AS s
UNION ALL
SELECT l.song AS title, l.artist AS artist_name FROM {changed_aliases} AS l
UNION ALL
SELECT l.song AS title, l.artist AS artist_name
FROM {song_aliases} AS l
JOIN (
    SELECT s.song_id FROM {staging_songs_table} AS s WHERE s.load_id > {since:d}
    UNION ALL
    SELECT s.song_id FROM {retired_songs} AS s
) AS g ON g.song_id || CHR(1) = l.song_id || CHR(1)

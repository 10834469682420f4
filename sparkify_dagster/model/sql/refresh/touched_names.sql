-- Expects: since
-- Titles and artists whose plays must be matched anew.
SELECT TRIM(BOTH ' ' FROM s.title) AS title, TRIM(BOTH ' ' FROM s.artist_name) AS artist_name
FROM {staging_songs_table} AS s
WHERE s.load_id > {since:d}
UNION
SELECT TRIM(BOTH ' ' FROM s.title) AS title, TRIM(BOTH ' ' FROM s.artist_name) AS artist_name
FROM {retired_songs} AS s

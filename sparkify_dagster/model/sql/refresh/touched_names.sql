-- Expects: since
-- Titles and artists whose plays must be matched anew.
SELECT s.title, s.artist_name FROM {staging_songs_table} AS s WHERE s.load_id > {since:d}
UNION ALL
SELECT s.title, s.artist_name FROM {retired_songs} AS s

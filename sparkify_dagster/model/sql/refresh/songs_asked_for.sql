-- Expects: scope
-- The staged songs that have a name by which one of the plays asks.
SELECT n.*
FROM {staging_songs_table} AS n
JOIN (
    SELECT DISTINCT TRIM(BOTH ' ' FROM s.song) AS title, TRIM(BOTH ' ' FROM s.artist) AS artist_name
    FROM {scope} AS s
) AS a
    ON a.title = TRIM(BOTH ' ' FROM n.title) AND a.artist_name = TRIM(BOTH ' ' FROM n.artist_name)

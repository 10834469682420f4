-- Expects: asked
-- The staged songs that have a name by which one of the plays asks.
SELECT n.*
FROM {staging_songs_table} AS n
JOIN ({asked}) AS a
    ON a.title = TRIM(BOTH ' ' FROM n.title) AND a.artist_name = TRIM(BOTH ' ' FROM n.artist_name)

-- Expects: touched, keys, where
{touched}
UNION
SELECT {keys}
FROM {staging_events_table} AS s
JOIN touched_names AS n
    ON n.title = TRIM(BOTH ' ' FROM s.song) AND n.artist_name = TRIM(BOTH ' ' FROM s.artist)
WHERE {where}

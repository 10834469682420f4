-- Expects: touched, keys, where
-- Names are trimmed where there is something to trim: to do it to all takes as long as all the rest.
{touched}
UNION
SELECT {keys}
FROM {staging_events_table} AS s
JOIN touched_names AS n ON n.title = s.song AND n.artist_name = s.artist
WHERE {where}
UNION
SELECT {keys}
FROM {staging_events_table} AS s
JOIN touched_names AS n
    ON n.title = TRIM(BOTH ' ' FROM s.song) AND n.artist_name = TRIM(BOTH ' ' FROM s.artist)
WHERE {where}
    AND (s.song LIKE ' %' OR s.song LIKE '% ' OR s.artist LIKE ' %' OR s.artist LIKE '% ')

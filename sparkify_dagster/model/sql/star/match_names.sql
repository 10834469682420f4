-- Grain: one row per title or artist that may have to be repaired; what comes of it, the load fills in.
-- UTF-8 read as Latin-1 holds one of these letters: they stand for the bytes with which a character
-- of several bytes begins. Each name is looked at once: that costs less than looking at each row.
SELECT DISTINCT TRIM(BOTH ' ' FROM t.text) AS text, TRIM(BOTH ' ' FROM t.text) AS match_name
FROM (
    SELECT s.song AS text
    FROM {staging_events_table} AS s
    WHERE s.page = 'NextSong'
    GROUP BY s.song
    UNION ALL
    SELECT s.artist AS text
    FROM {staging_events_table} AS s
    WHERE s.page = 'NextSong'
    GROUP BY s.artist
    UNION ALL
    SELECT s.title AS text
    FROM {staging_songs_table} AS s
    UNION ALL
    SELECT s.artist_name AS text
    FROM {staging_songs_table} AS s
) AS t
WHERE TRANSLATE(t.text, 'aÂÃÄÅÆÇÈÉÊËÌÍÎÏÐÑÒÓÔÕÖ×ØÙÚÛÜÝÞßàáâãäåæçèéêëìíîïðñòóô', 'a') <> t.text

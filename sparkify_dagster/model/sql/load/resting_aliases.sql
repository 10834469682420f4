SELECT DISTINCT l.song_id
FROM {song_aliases} AS l
LEFT JOIN {song} AS g ON g.song_id || CHR(1) = l.song_id || CHR(1)
WHERE g.song_id IS NULL
ORDER BY l.song_id

-- Expects: where, most
SELECT g.song_id, g.title, a.name
FROM {song} AS g
LEFT JOIN {artist} AS a ON a.artist_id || CHR(1) = g.artist_id || CHR(1)
WHERE {where}
ORDER BY a.name || CHR(1), g.song_id || CHR(1)
LIMIT {most}

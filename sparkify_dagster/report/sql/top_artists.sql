SELECT m.artist_name, m.plays, m.matched, m.last_played
FROM {most_played} AS m WHERE m.kind = 'artist' AND m.rank <= 10
ORDER BY m.rank

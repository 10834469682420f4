SELECT m.artist_name, m.plays, m.matched, m.last_played, COUNT(*) OVER () AS in_all
FROM {most_played} AS m WHERE m.kind = 'artist'
ORDER BY m.rank LIMIT 10

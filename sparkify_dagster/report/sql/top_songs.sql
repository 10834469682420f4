SELECT m.title, m.artist_name, m.plays, m.matched, m.last_played
FROM {most_played} AS m WHERE m.kind = 'song' AND m.rank <= 10
ORDER BY m.rank

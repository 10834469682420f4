SELECT u.title, u.artist_name, u.plays, u.last_played, COUNT(*) OVER () AS in_all
FROM {unmatched_plays} AS u WHERE u.closest_song_id IS NULL
ORDER BY u.rank LIMIT 10

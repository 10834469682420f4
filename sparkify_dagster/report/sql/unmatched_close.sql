SELECT u.title, u.artist_name, u.plays, u.reason,
       u.closest_song_id, u.closest_title, u.closest_artist, u.alias,
       COUNT(*) OVER () AS in_all
FROM {unmatched_plays} AS u WHERE u.closest_song_id IS NOT NULL
ORDER BY u.rank LIMIT 10

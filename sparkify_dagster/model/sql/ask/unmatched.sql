-- Expects: most
SELECT u.title, u.artist_name, u.plays, u.last_played, u.reason, u.closest_song_id, u.closest_title,
    u.closest_artist
FROM {unmatched_plays} AS u
ORDER BY u.rank
LIMIT {most}

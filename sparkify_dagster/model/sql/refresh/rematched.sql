-- Expects: before, now, same
SELECT COUNT(*) AS row_count
FROM {before} AS g
JOIN {now} AS a ON {same}
WHERE COALESCE(g.song_id || CHR(1), '') <> COALESCE(a.song_id || CHR(1), '')

SELECT p.matched_by, COUNT(*) AS plays
FROM {songplay} AS p WHERE p.matched_by IS NOT NULL
GROUP BY p.matched_by ORDER BY plays DESC, p.matched_by

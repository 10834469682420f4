SELECT p.matched_by, COUNT(*)
FROM {songplay} AS p
WHERE p.matched_by IS NOT NULL
GROUP BY p.matched_by
ORDER BY p.matched_by

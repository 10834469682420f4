-- Expects: by_object
SELECT o.origin AS object FROM ({by_object}) AS o
WHERE COALESCE(o.staged, 0) + COALESCE(o.rejected, 0) <> o.records
ORDER BY o.origin LIMIT 5

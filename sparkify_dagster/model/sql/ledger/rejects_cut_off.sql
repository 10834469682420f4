-- Expects: most
SELECT j.object
FROM {load_rejects} AS j
WHERE NOT j.published
GROUP BY j.object
HAVING COUNT(*) >= {most}
LIMIT 1

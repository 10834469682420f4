SELECT o.part, COALESCE(SUM(o.records), 0), COALESCE(SUM(o.rejects), 0)
FROM {load_objects} AS o
WHERE o.target = $target
GROUP BY o.part

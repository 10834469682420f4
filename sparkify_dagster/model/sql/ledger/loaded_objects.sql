-- Expects: where
SELECT o.object, o.part, o.size, o.token, o.records, o.rejects
FROM {load_objects} AS o
WHERE o.target = $target AND {where}

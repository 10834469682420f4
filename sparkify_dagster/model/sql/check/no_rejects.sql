-- Expects: name
SELECT COALESCE(SUM(o.rejects), 0) AS offenders, COALESCE(SUM(o.records), 0) AS records
FROM {load_objects} AS o
WHERE o.target = {name}

-- Expects: name
SELECT o.object AS origin, o.records FROM {load_objects} AS o
WHERE o.target = {name} AND o.records IS NOT NULL

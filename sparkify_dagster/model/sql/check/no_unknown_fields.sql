-- Expects: name
SELECT COUNT(h.unknown_fields) AS offenders, COUNT(*) AS parts
FROM {load_history} AS h
JOIN {latest_loads} AS n ON n.target = h.target AND n.part = h.part AND n.published = h.load_id
WHERE h.target = {name}

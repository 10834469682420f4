SELECT h.target, h.part, h.digest, h.status
FROM {load_history} AS h
JOIN {latest_loads} AS n ON n.target = h.target AND n.part = h.part AND n.load_id = h.load_id
WHERE h.position IS NULL

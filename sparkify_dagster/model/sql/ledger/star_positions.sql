SELECT h.target, h.position, h.model_version, h.digest
FROM {load_history} AS h
JOIN {latest_loads} AS n ON n.target = h.target AND n.part = h.part AND n.published = h.load_id
WHERE h.position IS NOT NULL

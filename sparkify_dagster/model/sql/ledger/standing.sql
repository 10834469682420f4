SELECT h.target, h.part, h.status, h.digest, h.load_id, h.position, h.reader_version,
    h.model_version, h.loaded_at, h.row_count, h.rejects, h.message, m.newest
FROM {load_history} AS h
JOIN {latest_loads} AS n ON n.target = h.target AND n.part = h.part
CROSS JOIN (SELECT MAX(l.loaded_at) AS newest FROM {load_history} AS l) AS m
WHERE h.load_id >= n.published
ORDER BY h.target, h.part, h.load_id

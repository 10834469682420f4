SELECT h.part, h.digest, h.loaded_at
FROM {load_history} AS h
JOIN {latest_loads} AS n ON n.target = h.target AND n.part = h.part
WHERE h.target = $target AND h.status = 'failed' AND h.load_id > n.published
ORDER BY h.part, h.load_id

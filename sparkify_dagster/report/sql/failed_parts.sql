SELECT h.target, h.part, h.loaded_at AS failed_at, h.message, COUNT(*) OVER () AS in_all
FROM {load_history} AS h
JOIN {latest_loads} AS n ON n.target = h.target AND n.part = h.part AND n.load_id = h.load_id
WHERE h.status = 'failed'
ORDER BY h.target, h.part LIMIT 20

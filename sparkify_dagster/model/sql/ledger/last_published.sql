-- Expects: targets
SELECT COALESCE(MAX(h.load_id), 0) FROM {load_history} AS h
WHERE h.status = 'published' AND h.target IN ({targets})

SELECT 1 FROM {load_history} AS h WHERE h.position IS NOT NULL LIMIT 1

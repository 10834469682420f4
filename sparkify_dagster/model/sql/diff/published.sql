SELECT DISTINCT h.target FROM {load_history} AS h WHERE h.position IS NOT NULL

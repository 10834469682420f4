SELECT COALESCE(MAX(h.load_id), 0) + 1 FROM {load_history} AS h

SELECT 1 FROM {load_history} AS h WHERE h.load_id = $load_id AND h.run_id = $run_id LIMIT 1

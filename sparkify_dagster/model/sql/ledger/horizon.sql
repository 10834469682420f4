SELECT MAX(CASE WHEN h.target = $target AND h.status = 'published' THEN h.part END),
    MAX(h.loaded_at)
FROM {load_history} AS h

SELECT COALESCE(MAX(h.load_id), 0) + 1, COUNT(h.position),
    COALESCE(MAX(CASE WHEN h.target = $target AND h.status = 'published' THEN h.load_id END), 0),
    (
        SELECT f.digest FROM {load_history} AS f
        WHERE f.target = $suppressed AND f.part = 'all'
        ORDER BY f.load_id DESC NULLS LAST LIMIT 1
    )
FROM {load_history} AS h

SELECT l.target, l.part, MAX(l.load_id) AS load_id,
    MAX(CASE WHEN l.status = 'published' THEN l.load_id ELSE 0 END) AS published,
    MAX(CASE WHEN l.status = 'failed' THEN l.load_id ELSE 0 END) AS failed
FROM {load_history} AS l
GROUP BY l.target, l.part

SELECT h.target, h.part, h.loaded_at AS failed_at, h.message, COUNT(*) OVER () AS in_all
FROM {load_history} AS h
JOIN (SELECT l.target, l.part, MAX(l.load_id) AS load_id,
             MAX(CASE WHEN l.status = 'published' THEN l.load_id ELSE 0 END) AS published
      FROM {load_history} AS l GROUP BY l.target, l.part) AS n
  ON n.target = h.target AND n.part = h.part AND n.load_id = h.load_id
WHERE h.status = 'failed' AND h.load_id > n.published
ORDER BY h.target, h.part LIMIT 20

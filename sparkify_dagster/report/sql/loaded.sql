SELECT h.target, COUNT(*) AS parts, CAST(SUM(h.objects) AS BIGINT) AS objects,
       CAST(SUM(h.records) AS BIGINT) AS records, CAST(SUM(h.row_count) AS BIGINT) AS row_count,
       CAST(SUM(h.rejects) AS BIGINT) AS rejects, MAX(h.loaded_at) AS loaded_at
FROM {load_history} AS h
JOIN (SELECT l.target, l.part, MAX(l.load_id) AS load_id FROM {load_history} AS l
      WHERE l.status = 'published' GROUP BY l.target, l.part) AS n
  ON n.target = h.target AND n.part = h.part AND n.load_id = h.load_id
WHERE h.status = 'published' AND h.position IS NULL AND h.objects > 0
GROUP BY h.target ORDER BY h.target

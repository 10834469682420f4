SELECT h.target, COUNT(*) AS parts, CAST(SUM(h.objects) AS BIGINT) AS objects,
       CAST(SUM(h.records) AS BIGINT) AS records, CAST(SUM(h.row_count) AS BIGINT) AS row_count,
       CAST(SUM(h.rejects) AS BIGINT) AS rejects, MAX(h.loaded_at) AS loaded_at
FROM {load_history} AS h
JOIN {latest_loads} AS n ON n.target = h.target AND n.part = h.part AND n.published = h.load_id
WHERE h.position IS NULL AND h.objects > 0
GROUP BY h.target ORDER BY h.target

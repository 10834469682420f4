-- Expects: columns, status (published or failed)
SELECT {columns:h}
FROM {load_history} AS h
JOIN {latest_loads} AS n ON n.target = h.target AND n.part = h.part AND {status:n} = h.load_id
ORDER BY h.target, h.part

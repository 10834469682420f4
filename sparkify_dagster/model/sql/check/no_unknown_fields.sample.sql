-- Expects: name
SELECT f.field
FROM (
    -- The fields that a part has most often: they stand first, each name between two quotes.
    SELECT SUBSTRING(SPLIT_PART(h.unknown_fields, '"', p.place), 1, 100) AS field
    FROM {load_history} AS h
    JOIN {latest_loads} AS n ON n.target = h.target AND n.part = h.part AND n.published = h.load_id
    CROSS JOIN (SELECT 2 AS place UNION ALL SELECT 4 UNION ALL SELECT 6) AS p
    WHERE h.target = {name}
) AS f
WHERE f.field <> '' GROUP BY f.field ORDER BY COUNT(*) DESC, f.field LIMIT 5

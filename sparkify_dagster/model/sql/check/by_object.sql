-- Expects: rows, name, origin, origins
SELECT o.origin, o.records, s.staged, x.rejected,
    CASE WHEN COALESCE(s.staged, 0) + COALESCE(x.rejected, 0) <> o.records THEN 1 ELSE 0 END AS wrong
FROM ({origins}) AS o
LEFT JOIN (
    SELECT {origin} AS origin, COUNT(*) AS staged FROM {rows} AS r GROUP BY {origin}
) AS s ON s.origin = o.origin
LEFT JOIN (
    SELECT j.object, COUNT(*) AS rejected FROM {load_rejects} AS j
    WHERE j.target_table = {name} AND j.published GROUP BY j.object
) AS x ON x.object = o.origin

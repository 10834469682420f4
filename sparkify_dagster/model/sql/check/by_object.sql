-- Expects: rows, name, origin, origins, suppressed
SELECT o.origin, o.records, s.staged, x.rejected, f.suppressed,
    CASE WHEN COALESCE(s.staged, 0) + COALESCE(x.rejected, 0) + COALESCE(f.suppressed, 0) <> o.records
        THEN 1 ELSE 0 END AS wrong
FROM ({origins}) AS o
LEFT JOIN (
    SELECT {origin} || CHR(1) AS origin, COUNT(*) AS staged
    FROM {rows} AS r GROUP BY {origin} || CHR(1)
) AS s ON s.origin = o.origin || CHR(1)
LEFT JOIN (
    SELECT j.object || CHR(1) AS object, COUNT(*) AS rejected FROM {load_rejects} AS j
    WHERE j.target_table = {name} AND j.published GROUP BY j.object || CHR(1)
) AS x ON x.object = o.origin || CHR(1)
LEFT JOIN (
    SELECT v.origin || CHR(1) AS origin, SUM(v.records) AS suppressed
    FROM ({suppressed}) AS v GROUP BY v.origin || CHR(1)
) AS f ON f.origin = o.origin || CHR(1)

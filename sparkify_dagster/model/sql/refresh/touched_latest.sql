-- Expects: keys, key, latest, kind, staged, retired, since, where
-- With the moment from which rows decide; NULL where one went: any may decide then.
SELECT {key:t}, CASE WHEN MAX(t.retired) = 0 THEN MAX(t.since) END AS since
FROM (
    SELECT {keys}, {latest:s} AS since, 0 AS retired
    FROM {staged} AS s
    WHERE s.load_id > {since:d} AND {where}
    UNION ALL
    SELECT {keys}, CAST(NULL AS {kind}), 1 FROM {retired} AS s WHERE {where}
) AS t
GROUP BY {key:t}

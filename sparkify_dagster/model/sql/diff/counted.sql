-- Expects: here, there, same, key, differs, measured
SELECT COUNT(h.{key}) AS rows_here, COUNT(t.{key}) AS rows_there,
    COALESCE(SUM(CASE WHEN t.{key} IS NULL THEN 1 ELSE 0 END), 0) AS only_here,
    COALESCE(SUM(CASE WHEN h.{key} IS NULL THEN 1 ELSE 0 END), 0) AS only_there,
    COALESCE(SUM(CASE WHEN {differs} THEN 1 ELSE 0 END), 0) AS differing{measured}
FROM {here} AS h FULL JOIN {there} AS t ON {same}

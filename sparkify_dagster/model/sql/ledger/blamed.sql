SELECT DISTINCT o.part, j.column_name
FROM {load_rejects} AS j
JOIN {load_objects} AS o ON o.target = j.target_table AND o.object = j.object
WHERE j.published AND j.target_table = $target AND j.column_name IS NOT NULL

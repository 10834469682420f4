-- Expects: columns
SELECT COUNT(*) FROM {load_rejects} AS j
WHERE j.published AND j.target_table = $target AND j.column_name IN ({columns})

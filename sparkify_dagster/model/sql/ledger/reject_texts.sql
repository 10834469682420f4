SELECT j.log_date, j.object, j.line, j.published, j.raw_text
FROM {load_rejects} AS j
WHERE j.target_table = $target

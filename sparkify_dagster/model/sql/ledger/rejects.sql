-- Expects: only, most
SELECT j.target_table, j.log_date, j.object, j.line, j.column_name, j.reason, j.published, j.raw_text
FROM {load_rejects} AS j
WHERE {only}
ORDER BY j.published, j.target_table, j.log_date, j.object, j.line {most}

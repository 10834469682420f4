-- Expects: where
SELECT s.log_date, s.object, COUNT(*)
FROM {staging_events_table} AS s
WHERE {where}
GROUP BY s.log_date, s.object

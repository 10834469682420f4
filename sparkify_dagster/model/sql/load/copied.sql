-- Expects: columns, load_id, incoming
INSERT INTO {staging_events_table} ({columns}, "log_date", "object", "load_id")
SELECT {columns}, CAST($day AS DATE), CAST($object AS VARCHAR(1024)), CAST({load_id:d} AS BIGINT)
FROM {incoming}

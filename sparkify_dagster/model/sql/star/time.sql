-- Grain: one row per distinct moment at which a play began. ISO week; weekday 0 is Sunday.
SELECT
    t.start_time,
    CAST(EXTRACT(HOUR FROM t.start_time) AS INTEGER) AS hour,
    CAST(EXTRACT(DAY FROM t.start_time) AS INTEGER) AS day,
    CAST(EXTRACT(WEEK FROM t.start_time) AS INTEGER) AS week,
    CAST(EXTRACT(MONTH FROM t.start_time) AS INTEGER) AS month,
    CAST(EXTRACT(YEAR FROM t.start_time) AS INTEGER) AS year,
    CAST(EXTRACT(DOW FROM t.start_time) AS INTEGER) AS weekday
FROM (SELECT DISTINCT s.start_time FROM {songplay} AS s) AS t

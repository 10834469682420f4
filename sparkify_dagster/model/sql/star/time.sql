-- Grain: one row per distinct moment at which a play began. ISO week; weekday 0 is Sunday.
SELECT DISTINCT
    s.start_time,
    CAST(EXTRACT(HOUR FROM s.start_time) AS INTEGER) AS hour,
    CAST(EXTRACT(DAY FROM s.start_time) AS INTEGER) AS day,
    CAST(EXTRACT(WEEK FROM s.start_time) AS INTEGER) AS week,
    CAST(EXTRACT(MONTH FROM s.start_time) AS INTEGER) AS month,
    CAST(EXTRACT(YEAR FROM s.start_time) AS INTEGER) AS year,
    CAST(EXTRACT(DOW FROM s.start_time) AS INTEGER) AS weekday
FROM {songplay} AS s

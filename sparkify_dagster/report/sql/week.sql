SELECT CAST(EXTRACT(dow FROM h.play_date) AS INTEGER) AS weekday, h.hour,
       CAST(SUM(h.plays) AS BIGINT) AS plays
FROM {plays_by_hour} AS h
GROUP BY CAST(EXTRACT(dow FROM h.play_date) AS INTEGER), h.hour
ORDER BY weekday, h.hour

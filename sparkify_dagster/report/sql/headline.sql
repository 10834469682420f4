SELECT p.plays, p.matched, p.days, p.first_day, p.last_day, l.listeners, u.people,
       s.sessions, s.minutes, s.songs AS songs_in_sessions, c.songs, a.artists,
       e.data_until, h.last_load, j.rejects
FROM (SELECT CAST(COALESCE(SUM(x.plays), 0) AS BIGINT) AS plays,
             CAST(COALESCE(SUM(x.matched), 0) AS BIGINT) AS matched,
             COUNT(DISTINCT x.play_date) AS days,
             MIN(x.play_date) AS first_day, MAX(x.play_date) AS last_day
      FROM {plays_by_hour} AS x) AS p
CROSS JOIN (SELECT CAST(COALESCE(SUM(x.new_listeners), 0) AS BIGINT) AS listeners
            FROM {listeners_by_day} AS x) AS l
CROSS JOIN (SELECT COUNT(*) AS people FROM {user} AS x) AS u
CROSS JOIN (SELECT COUNT(*) AS sessions, COALESCE(SUM(x.minutes), 0) AS minutes,
                   CAST(COALESCE(SUM(x.songs), 0) AS BIGINT) AS songs
            FROM {sessions} AS x) AS s
CROSS JOIN (SELECT COUNT(*) AS songs FROM {song} AS x) AS c
CROSS JOIN (SELECT COUNT(*) AS artists FROM {artist} AS x) AS a
CROSS JOIN (SELECT MAX(x.ts) AS data_until FROM {staging_events_table} AS x) AS e
CROSS JOIN (SELECT MAX(x.loaded_at) AS last_load FROM {load_history} AS x
            WHERE x.status = 'published') AS h
CROSS JOIN (SELECT COUNT(*) AS rejects FROM {load_rejects} AS x WHERE x.published) AS j

-- Expects: name
-- Records of forgotten people: by object, and by day. Of songs there are none.
SELECT o.object AS origin, o.records FROM {load_objects} AS o
WHERE o.target = 'suppressed' AND {name} = 'staging_events_table'
UNION ALL
SELECT h.part AS origin, h.records
FROM {load_history} AS h
JOIN {latest_loads} AS n ON n.target = h.target AND n.part = h.part AND n.published = h.load_id
WHERE h.target = 'suppressed' AND {name} = 'staging_events_table'

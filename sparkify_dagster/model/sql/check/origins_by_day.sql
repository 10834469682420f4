-- Expects: name, traced
{traced}
UNION ALL
SELECT h.part AS origin, h.records
FROM {load_history} AS h
JOIN {latest_loads} AS n ON n.target = h.target AND n.part = h.part AND n.published = h.load_id
WHERE h.target = {name} AND h.part IN (
    SELECT u.part FROM {load_objects} AS u WHERE u.target = {name} AND u.records IS NULL
)

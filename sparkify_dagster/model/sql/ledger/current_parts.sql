SELECT h.part
FROM {load_history} AS h
JOIN {latest_loads} AS n ON n.target = h.target AND n.part = h.part AND n.published = h.load_id
WHERE h.target = $target AND h.reader_version = $reader AND h.model_version = $model

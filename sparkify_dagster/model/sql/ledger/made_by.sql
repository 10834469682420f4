SELECT h.model_version FROM {load_history} AS h
WHERE h.target = $target AND h.status = 'published'
ORDER BY h.load_id DESC LIMIT 1

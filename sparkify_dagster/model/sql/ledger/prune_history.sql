DELETE FROM {load_history}
WHERE loaded_at < $before AND load_id NOT IN (
    SELECT h.load_id
    FROM {load_history} AS h
    JOIN {latest_loads} AS n ON n.target = h.target AND n.part = h.part
    WHERE h.load_id >= n.published
)

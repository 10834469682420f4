DELETE FROM {load_history}
WHERE
    loaded_at < $before
    AND target || CHR(1) || part || CHR(1) || CAST(load_id AS VARCHAR(20)) NOT IN (
        SELECT h.target || CHR(1) || h.part || CHR(1) || CAST(h.load_id AS VARCHAR(20))
        FROM {load_history} AS h
        JOIN {latest_loads} AS n ON n.target = h.target AND n.part = h.part
        WHERE h.load_id >= n.published
    )

DELETE FROM {load_rejects} WHERE NOT published AND rejected_at < $before

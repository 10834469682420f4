-- Expects: derived
DELETE FROM {load_history} WHERE target NOT IN ({derived})

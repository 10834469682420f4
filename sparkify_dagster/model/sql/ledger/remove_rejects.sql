-- Expects: where
DELETE FROM {load_rejects} WHERE target_table = $target AND {where}

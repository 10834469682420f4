-- Expects: where
DELETE FROM {load_objects} WHERE target = $target AND {where}

-- Expects: staged, where
DELETE FROM {staged} WHERE {where}

-- Expects: columns, of_production, where
SELECT {columns:b} FROM {of_production} AS b WHERE {where}

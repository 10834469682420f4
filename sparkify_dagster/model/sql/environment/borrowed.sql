-- Expects: columns, of_production
SELECT {columns:b} FROM {of_production} AS b

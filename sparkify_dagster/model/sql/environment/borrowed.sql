-- Expects: columns, of_production
SELECT {columns} FROM {of_production} AS b

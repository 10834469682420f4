-- Expects: table, column
DELETE FROM {table} WHERE {column} = $target

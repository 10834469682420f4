-- Expects: table, column, where
DELETE FROM {table} WHERE {column} = $target AND {where}

-- Expects: columns, rows, keys, same
SELECT {columns:s} FROM {rows} AS s JOIN {keys} AS k ON {same}

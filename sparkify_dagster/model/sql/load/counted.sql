-- Expects: name, select (of one `row_count`)
SELECT {name} AS name, q.row_count FROM ({select}) AS q

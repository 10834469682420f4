-- Expects: rows, since
SELECT n.* FROM {rows} AS n WHERE n.load_id > {since:d}

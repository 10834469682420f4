-- Expects: values, rows, where
SELECT {values} FROM {rows} AS s WHERE {where}

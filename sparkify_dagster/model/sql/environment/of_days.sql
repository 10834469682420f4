-- Expects: rows, moment, first, last
SELECT * FROM {rows} AS r
WHERE CAST(r.{moment} AS DATE) BETWEEN CAST({first} AS DATE) AND CAST({last} AS DATE)

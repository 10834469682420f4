-- Expects: columns, changed
SELECT DISTINCT {columns:t} FROM ({changed}) AS t

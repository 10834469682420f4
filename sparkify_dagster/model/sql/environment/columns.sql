-- Expects: shown
SELECT * FROM {shown} AS b WHERE 1 = 0

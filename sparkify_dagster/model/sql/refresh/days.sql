-- Expects: touched, day
SELECT MIN({day:k}), MAX({day:k}) FROM {touched} AS k

-- Expects: touched
SELECT MIN(k.since), COUNT(*) - COUNT(k.since) FROM {touched} AS k

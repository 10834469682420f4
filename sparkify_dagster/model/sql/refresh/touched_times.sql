-- Expects: keys, added, removed
SELECT {keys} FROM {added} AS s
UNION
SELECT {keys} FROM {removed} AS s

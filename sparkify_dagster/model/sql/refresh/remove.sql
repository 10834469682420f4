-- Expects: target, keys, same
DELETE FROM {target} USING {keys} AS k WHERE {same}

-- Expects: columns, of_production, derived
INSERT INTO {load_history} ({columns})
SELECT {columns:h} FROM {of_production} AS h WHERE h.target NOT IN ({derived})

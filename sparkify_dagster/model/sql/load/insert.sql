-- Expects: target, columns, select
INSERT INTO {target} ({columns})
{select}

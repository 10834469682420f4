-- Expects: environment
SELECT e.name, e.is_view, e.made_at, e.used_at FROM {environment} AS e ORDER BY e.name

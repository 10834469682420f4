-- Expects: environment
UPDATE {environment} SET used_at = $now WHERE used_at < $now

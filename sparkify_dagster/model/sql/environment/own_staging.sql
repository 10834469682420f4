-- Expects: environment
UPDATE {environment} SET is_view = FALSE WHERE is_view

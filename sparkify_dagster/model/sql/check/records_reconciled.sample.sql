-- Expects: by_object
SELECT o.origin AS object FROM ({by_object}) AS o WHERE o.wrong = 1 ORDER BY o.origin LIMIT 5

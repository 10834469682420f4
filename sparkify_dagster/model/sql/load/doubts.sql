-- Expects: incoming, where
SELECT COUNT(*) FROM {incoming} AS i WHERE {where}

-- Expects: replaced, where
INSERT INTO {replaced} (object)
SELECT o.object FROM {load_objects} AS o WHERE o.target = $target AND {where}

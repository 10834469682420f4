-- Expects: keys, scope, since, where
-- Of plays alone, as what is touched: other events may have a play's key, too.
SELECT {keys} FROM {scope} AS s WHERE s.load_id <= {since:d}
UNION
SELECT {keys} FROM {retired_events} AS s WHERE {where}

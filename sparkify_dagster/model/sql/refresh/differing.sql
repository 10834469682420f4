-- Expects: columns, these, those, same, differs
SELECT {columns:x} FROM {these} AS x LEFT JOIN {those} AS y ON {same} WHERE {differs}

-- Expects: here, there, same, columns, where, order, most
SELECT {columns:h}, {columns:t}
FROM {here} AS h FULL JOIN {there} AS t ON {same}
WHERE {where}
ORDER BY {order}
LIMIT {most}

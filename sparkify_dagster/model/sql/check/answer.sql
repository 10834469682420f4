-- Expects: number, numbers, question
SELECT {number} AS number, {numbers} FROM (
{question}
) AS q

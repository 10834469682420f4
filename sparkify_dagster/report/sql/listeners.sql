-- Expects: period, most
SELECT {period} AS period, SUM(d.active) / (COUNT(*) * 1.0) AS active_a_day,
       CAST(SUM(d.new_listeners) AS BIGINT) AS new_listeners,
       SUM(d.returning_listeners) / (COUNT(*) * 1.0) AS returning_a_day, COUNT(*) AS days
FROM {listeners_by_day} AS d
GROUP BY {period} ORDER BY period DESC LIMIT {most}

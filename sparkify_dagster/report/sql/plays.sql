-- Expects: period, most
SELECT {period} AS period, CAST(SUM(d.plays) AS BIGINT) AS plays,
       CAST(SUM(d.matched) AS BIGINT) AS matched
FROM {plays_by_hour} AS d
GROUP BY {period} ORDER BY period DESC LIMIT {most}

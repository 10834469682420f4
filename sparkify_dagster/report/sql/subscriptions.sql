-- Expects: period, most
SELECT p.period, e.free, e.paid, p.upgrades, p.downgrades, p.cancellations
FROM (SELECT {period} AS period, MAX(d.day) AS last_day,
             CAST(SUM(d.upgrades) AS BIGINT) AS upgrades,
             CAST(SUM(d.downgrades) AS BIGINT) AS downgrades,
             CAST(SUM(d.cancellations) AS BIGINT) AS cancellations
      FROM {subscriptions_by_day} AS d GROUP BY {period}) AS p
JOIN {subscriptions_by_day} AS e ON e.day = p.last_day
ORDER BY p.period DESC LIMIT {most}

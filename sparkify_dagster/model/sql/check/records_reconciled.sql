-- Expects: by_object
SELECT COALESCE(SUM(o.wrong), 0) AS offenders, COALESCE(SUM(o.records), 0) AS records,
    COALESCE(SUM(o.staged), 0) AS staged, COALESCE(SUM(o.rejected), 0) AS rejected,
    COALESCE(SUM(o.suppressed), 0) AS suppressed
FROM ({by_object}) AS o

-- Expects: by_object
SELECT
    COALESCE(
        SUM(
            CASE
                WHEN COALESCE(o.staged, 0) + COALESCE(o.rejected, 0) <> o.records THEN 1 ELSE 0
            END
        ), 0
    ) AS offenders,
    COALESCE(SUM(o.records), 0) AS records, COALESCE(SUM(o.staged), 0) AS staged,
    COALESCE(SUM(o.rejected), 0) AS rejected
FROM ({by_object}) AS o

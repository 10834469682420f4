-- Expects: staged, retired, since
SELECT (SELECT COUNT(*) FROM {staged}), (SELECT COUNT(*) FROM {staged} WHERE load_id > {since:d}),
    (SELECT COUNT(*) FROM {retired})

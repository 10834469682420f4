-- Expects: since
SELECT (SELECT COUNT(*) FROM {staging_songs_table}),
    (SELECT COUNT(*) FROM {staging_songs_table} WHERE load_id > {since:d}),
    (SELECT COUNT(*) FROM {retired_songs}),
    (SELECT COUNT(*) FROM {staging_events_table}),
    (SELECT COUNT(*) FROM {staging_events_table} WHERE load_id > {since:d}),
    (SELECT COUNT(*) FROM {retired_events})

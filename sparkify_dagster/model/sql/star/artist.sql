-- Grain: one row per artist_id. The name is the one most often staged; location, latitude and
-- longitude come together from one staged row, best known first.
WITH staged AS (
    SELECT s.artist_id, s.song_id, TRIM(BOTH ' ' FROM s.artist_name) AS name,
        CASE WHEN TRIM(BOTH ' ' FROM s.artist_location) = '' THEN NULL ELSE s.artist_location END
            AS location,
        s.artist_latitude AS latitude, s.artist_longitude AS longitude
    FROM {staging_songs_table} AS s
),
names AS (
    SELECT s.artist_id, s.name,
        ROW_NUMBER() OVER (
            PARTITION BY s.artist_id || CHR(1) ORDER BY COUNT(*) DESC, s.name || CHR(1)
        ) AS choice
    FROM staged AS s
    WHERE s.name IS NOT NULL
    GROUP BY s.artist_id, s.artist_id || CHR(1), s.name
),
places AS (
    SELECT s.artist_id, s.location, s.latitude, s.longitude,
        ROW_NUMBER() OVER (
            PARTITION BY s.artist_id || CHR(1)
            ORDER BY
                CASE WHEN s.latitude IS NULL THEN 1 ELSE 0 END,
                CASE WHEN s.location IS NULL THEN 1 ELSE 0 END,
                s.location || CHR(1) ASC NULLS LAST, s.latitude ASC NULLS LAST,
                s.longitude ASC NULLS LAST, s.song_id || CHR(1)
        ) AS choice
    FROM staged AS s
)
SELECT p.artist_id, n.name, p.location, p.latitude, p.longitude
FROM places AS p
LEFT JOIN names AS n ON n.artist_id || CHR(1) = p.artist_id || CHR(1) AND n.choice = 1
WHERE p.choice = 1

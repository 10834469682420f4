-- Expects: named
-- Some titles and artists in all the ways in which plays and songs of the same names spell them.
WITH names AS (
    SELECT COALESCE(t.match_name, TRIM(BOTH ' ' FROM s.title)) AS title,
        COALESCE(a.match_name, TRIM(BOTH ' ' FROM s.artist_name)) AS artist_name
    FROM ({named}) AS s
    LEFT JOIN {match_names} AS t ON t.text = TRIM(BOTH ' ' FROM s.title)
    LEFT JOIN {match_names} AS a ON a.text = TRIM(BOTH ' ' FROM s.artist_name)
    UNION
    SELECT TRIM(BOTH ' ' FROM s.title) AS title, TRIM(BOTH ' ' FROM s.artist_name) AS artist_name
    FROM ({named}) AS s
),
titles AS (
    SELECT n.title, n.artist_name FROM names AS n
    UNION
    SELECT m.text AS title, n.artist_name
    FROM names AS n
    JOIN {match_names} AS m ON m.match_name = n.title
)
SELECT t.title, t.artist_name FROM titles AS t
UNION
SELECT t.title, m.text AS artist_name
FROM titles AS t
JOIN {match_names} AS m ON m.match_name = t.artist_name

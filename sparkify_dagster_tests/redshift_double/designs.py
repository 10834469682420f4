"""How tables are distributed, sorted and encoded: remembered, shown, and kept from being dropped.

What belongs here: SQL for a fresh PostgreSQL, and the statement that remembers what a client said
(`ddl`). Rows lie as PostgreSQL lays them, whatever is remembered.
"""

from __future__ import annotations

import json
from dataclasses import asdict

from sparkify_dagster_tests.redshift_double.ddl import Design

DESIGNS = """
CREATE TABLE double_designs (table_id oid PRIMARY KEY, diststyle text, interleaved boolean);
CREATE TABLE double_columns (
    table_id oid, attnum integer, encoding text, distkey boolean, sortkey integer,
    PRIMARY KEY (table_id, attnum)
);

CREATE FUNCTION double_designed(made regclass, said jsonb) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER AS $f$
DECLARE
    sorted text[] := ARRAY(SELECT jsonb_array_elements_text(
        CASE jsonb_typeof(said -> 'sort') WHEN 'array' THEN said -> 'sort' ELSE '[]' END));
    sorts boolean := jsonb_typeof(said -> 'sort') = 'array';
    fresh boolean := (said ->> 'is_new')::boolean;
    other record;
BEGIN
    IF fresh AND EXISTS (SELECT FROM pg_catalog.double_designs AS d WHERE d.table_id = made) THEN
        RETURN;  -- CREATE TABLE IF NOT EXISTS of one that is there.
    END IF;
    INSERT INTO pg_catalog.double_designs VALUES (made, 'AUTO', false) ON CONFLICT DO NOTHING;
    FOR other IN
        SELECT a.attname FROM jsonb_each_text(said -> 'encodings') AS e
        JOIN pg_attribute AS a ON a.attrelid = made AND a.attname = e.key
        JOIN pg_catalog.double_columns AS c ON c.table_id = made AND c.attnum = a.attnum
        WHERE NOT fresh AND replace(lower(e.value), 'raw', 'none') = c.encoding
    LOOP
        RAISE EXCEPTION 'column "%" has that encoding already', other.attname
            USING ERRCODE = '0A000';
    END LOOP;
    IF NOT fresh AND NOT sorts AND (said ->> 'style' <> '' OR said -> 'encodings' <> '{}')
        AND (SELECT d.interleaved FROM pg_catalog.double_designs AS d WHERE d.table_id = made) THEN
        RAISE EXCEPTION 'not supported on a table with an interleaved sort key'
            USING ERRCODE = '0A000';
    END IF;
    INSERT INTO pg_catalog.double_columns
    SELECT made, a.attnum, CASE WHEN a.atttypid IN ('bool'::regtype, 'float8'::regtype) THEN 'none'
        WHEN a.atttypid = 'varchar'::regtype THEN 'lzo' ELSE 'az64' END, false, 0
    FROM pg_attribute AS a WHERE a.attrelid = made AND a.attnum > 0 AND NOT a.attisdropped
    ON CONFLICT DO NOTHING;
    UPDATE pg_catalog.double_designs AS d
    SET diststyle = coalesce(nullif(said ->> 'style', ''), d.diststyle),
        interleaved = CASE WHEN sorts THEN (said ->> 'interleaved')::boolean ELSE d.interleaved END
    WHERE d.table_id = made;
    UPDATE pg_catalog.double_columns AS c
    SET distkey = CASE WHEN said ->> 'style' = '' THEN c.distkey
            ELSE a.attname = said ->> 'distkey' END,
        sortkey = CASE WHEN sorts THEN coalesce(array_position(sorted, a.attname::text), 0)
            ELSE c.sortkey END,
        -- A column that becomes a sort key is no longer compressed.
        encoding = coalesce(
            replace(lower(said -> 'encodings' ->> a.attname), 'raw', 'none'),
            CASE WHEN a.attname = ANY (sorted) THEN 'none' ELSE c.encoding END)
    FROM pg_attribute AS a
    WHERE c.table_id = made AND a.attrelid = made AND a.attnum = c.attnum;
END $f$;

CREATE FUNCTION double_keeps_keys() RETURNS event_trigger
LANGUAGE plpgsql SECURITY DEFINER AS $f$
DECLARE kept record;
BEGIN
    FOR kept IN
        SELECT CASE WHEN c.distkey THEN 'distkey' ELSE 'sortkey' END AS kind,
            d.address_names[array_length(d.address_names, 1)] AS name
        FROM pg_event_trigger_dropped_objects() AS d
        JOIN pg_catalog.double_columns AS c ON c.table_id = d.objid AND c.attnum = d.objsubid
        WHERE d.object_type = 'table column' AND (c.distkey OR c.sortkey <> 0)
    LOOP
        RAISE EXCEPTION 'cannot drop % column "%"', kept.kind, kept.name USING ERRCODE = '0A000';
    END LOOP;
END $f$;
CREATE EVENT TRIGGER double_keeps_keys ON sql_drop WHEN TAG IN ('ALTER TABLE')
    EXECUTE FUNCTION double_keeps_keys();

CREATE VIEW pg_class_info AS
    SELECT c.oid AS reloid, c.relname, c.relnamespace, c.relowner, c.relkind,
        CASE d.diststyle WHEN 'EVEN' THEN 0 WHEN 'KEY' THEN 1 WHEN 'ALL' THEN 8 ELSE 9 END::smallint
            AS reldiststyle,
        CASE d.diststyle WHEN 'EVEN' THEN 0 WHEN 'KEY' THEN 1 WHEN 'ALL' THEN 8 ELSE 10 END
            AS releffectivediststyle
    FROM pg_class AS c LEFT JOIN double_designs AS d ON d.table_id = c.oid;
CREATE VIEW svv_redshift_columns AS
    SELECT current_database()::varchar(128) AS database_name,
        n.nspname::varchar(128) AS schema_name, c.relname::varchar(128) AS table_name,
        a.attname::varchar(128) AS column_name, a.attnum::integer AS ordinal_position,
        format_type(a.atttypid, a.atttypmod)::varchar(32) AS data_type,
        coalesce(d.encoding, 'none')::varchar(128) AS encoding,
        coalesce(d.distkey, false) AS distkey,
        CASE WHEN t.interleaved AND d.sortkey % 2 = 0 THEN -d.sortkey
            ELSE coalesce(d.sortkey, 0) END AS sortkey
    FROM pg_class AS c
    JOIN pg_namespace AS n ON n.oid = c.relnamespace
    JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
    LEFT JOIN double_designs AS t ON t.table_id = c.oid
    LEFT JOIN double_columns AS d ON d.table_id = c.oid AND d.attnum = a.attnum
    WHERE c.relkind = 'r' AND n.nspname !~ '^(pg_|information_schema)'
        AND has_any_column_privilege(c.oid, 'SELECT');
GRANT SELECT ON pg_class_info, svv_redshift_columns TO PUBLIC;

CREATE VIEW svv_table_info AS
    SELECT current_database()::text AS "database", n.nspname::text AS "schema",
        c.oid AS table_id, c.relname::text AS "table", 'Y'::text AS encoded,
        CASE d.diststyle WHEN 'KEY' THEN 'KEY(' || k.distkey || ')'
            WHEN 'AUTO' THEN 'AUTO(ALL)' ELSE coalesce(d.diststyle, 'AUTO(ALL)') END AS diststyle,
        CASE WHEN d.interleaved THEN 'INTERLEAVED'
            ELSE coalesce(k.sortkey, 'AUTO(SORTKEY)') END AS sortkey1,
        ceil(pg_total_relation_size(c.oid) / 1048576.0)::bigint AS size,
        0.0::numeric(5, 2) AS unsorted, 0.0::numeric(5, 2) AS stats_off,
        double_count(c.oid)::numeric(38, 0) AS tbl_rows, 1.0::numeric(19, 2) AS skew_rows
    FROM pg_class AS c
    JOIN pg_namespace AS n ON n.oid = c.relnamespace
    LEFT JOIN double_designs AS d ON d.table_id = c.oid
    LEFT JOIN LATERAL (
        SELECT max(a.attname::text) FILTER (WHERE p.distkey) AS distkey,
            max(a.attname::text) FILTER (WHERE p.sortkey = 1) AS sortkey
        FROM double_columns AS p
        JOIN pg_attribute AS a ON a.attrelid = p.table_id AND a.attnum = p.attnum
        WHERE p.table_id = c.oid
    ) AS k ON true
    WHERE c.relkind = 'r' AND n.nspname !~ '^(pg_|information_schema)';
"""


def remember(design: Design) -> str:
    """The statement that remembers what was said of a table."""
    said = asdict(design)
    table = said.pop("table").replace("'", "''")
    words = json.dumps(said).replace("'", "''")
    return f"SELECT double_designed('{table}'::regclass, '{words}')"

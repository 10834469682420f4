"""What every session of Redshift finds without being told where: system views and functions.

What belongs here: the SQL that lays them into a fresh PostgreSQL, and the records of loads they
show. Records are lines of files that PostgreSQL reads: so they outlive a rollback, and are seen at
once, even by a transaction whose snapshot is older, as Redshift's are.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from sparkify_dagster_tests.redshift_double.designs import DESIGNS
from sparkify_dagster_tests.redshift_double.masking import MASKING, ROLES
from sparkify_dagster_tests.redshift_double.semantics import SEMANTICS

# Columns: name and type in PostgreSQL.
_DETAIL = """user_id integer, query_id bigint, transaction_id bigint, session_id integer,
    database_name text, table_id integer, start_time timestamp, file_name text,
    line_number bigint, column_name text, column_type text, column_length text,
    position integer, error_code integer, error_message text"""
_RECORDS = {
    "sys_load_error_detail": _DETAIL,
    "stl_load_errors": """userid integer, slice integer, tbl integer, starttime timestamp,
        session integer, query bigint, filename text, line_number bigint, colname text, type text,
        col_length text, position integer, raw_line text, raw_field_value text, err_code integer,
        err_reason text, is_partial integer, start_offset bigint, copy_job_id bigint""",
    "sys_load_history": """user_id integer, query_id bigint, transaction_id bigint,
        session_id integer, database_name text, status text, table_name text,
        start_time timestamp, end_time timestamp, duration bigint, data_source text,
        file_format text, loaded_rows bigint, loaded_bytes bigint, source_file_count integer,
        source_file_bytes bigint, error_count bigint""",
    "sys_load_detail": """user_id integer, query_id bigint, file_name text, bytes_scanned bigint,
        lines_scanned bigint, splits_scanned integer, record_time timestamp""",
    "stl_load_commits": """userid integer, query bigint, slice integer, name text,
        filename text, byte_offset integer, lines_scanned bigint, errors bigint,
        curtime timestamp, status integer, file_format text, is_partial integer,
        start_offset bigint, copy_job_id bigint""",
}
_ERRORS = ("sys_load_error_detail", "stl_load_errors")

_INSTALL = """
ALTER DATABASE postgres RENAME TO dev;
CREATE ROLE sparkify LOGIN CREATEROLE;
GRANT CREATE, TEMPORARY ON DATABASE dev TO PUBLIC;
"""

_IN_DATABASE = """
SET allow_system_table_mods = on;
GRANT CREATE ON SCHEMA public TO PUBLIC;
SET search_path = pg_catalog;

CREATE FUNCTION double_records(kind text) RETURNS SETOF jsonb
LANGUAGE sql VOLATILE SECURITY DEFINER AS $f$
    SELECT line::jsonb
    FROM string_to_table(pg_read_file('{folder}/' || kind || '.jsonl'), chr(10)) AS line
    WHERE line <> '' AND kind NOT LIKE '%/%'
        AND coalesce(line::jsonb ->> 'seen_from', '') <= timezone('UTC', clock_timestamp())::text
$f$;

CREATE FUNCTION pg_last_copy_count() RETURNS bigint LANGUAGE sql AS $f$
    SELECT coalesce(nullif(current_setting('double.copy_count', true), ''), '0')::bigint $f$;
CREATE FUNCTION pg_last_unload_count() RETURNS bigint LANGUAGE sql AS $f$
    SELECT coalesce(nullif(current_setting('double.unload_count', true), ''), '0')::bigint $f$;
CREATE FUNCTION pg_last_copy_id() RETURNS integer LANGUAGE sql AS $f$
    SELECT coalesce(nullif(current_setting('double.copy_id', true), ''), '-1')::integer $f$;
CREATE FUNCTION pg_last_query_id() RETURNS integer LANGUAGE sql AS $f$
    SELECT coalesce(nullif(current_setting('double.query_id', true), ''), '-1')::integer $f$;
CREATE FUNCTION getdate() RETURNS timestamp LANGUAGE sql AS $f$
    SELECT date_trunc('second', clock_timestamp() AT TIME ZONE 'UTC') $f$;

-- A VARCHAR counts bytes: every table that is made or altered gets checks that do.
CREATE FUNCTION double_too_long(most integer) RETURNS boolean LANGUAGE plpgsql AS $f$
BEGIN
    RAISE EXCEPTION 'value too long for type character varying(%)', most USING ERRCODE = '22001';
END $f$;

CREATE FUNCTION double_count_bytes() RETURNS event_trigger LANGUAGE plpgsql AS $f$
DECLARE found record;
BEGIN
    FOR found IN
        SELECT a.attrelid, string_agg(
            coalesce('DROP CONSTRAINT ' || quote_ident(stale.conname) || ',', '')
            || format(
                'ADD CONSTRAINT double_%s_%s CHECK (CASE WHEN octet_length(%I) > %s '
                'THEN pg_catalog.double_too_long(%s) ELSE true END)',
                a.attnum, a.atttypmod - 4, a.attname, a.atttypmod - 4, a.atttypmod - 4
            ), ',') AS changes
        FROM (SELECT DISTINCT objid, classid FROM pg_event_trigger_ddl_commands()) AS c
        JOIN pg_class AS t ON t.oid = c.objid AND t.relkind = 'r'
        JOIN pg_attribute AS a ON a.attrelid = c.objid AND a.attnum > 0 AND NOT a.attisdropped
        LEFT JOIN pg_constraint AS stale ON stale.conrelid = c.objid AND stale.contype = 'c'
            AND starts_with(stale.conname::text, format('double_%s_', a.attnum))
        WHERE c.classid = 'pg_class'::regclass AND a.atttypid = 'varchar'::regtype
            AND a.atttypmod > 4
            AND stale.conname IS DISTINCT FROM format('double_%s_%s', a.attnum, a.atttypmod - 4)
        GROUP BY a.attrelid
    LOOP
        EXECUTE format('ALTER TABLE %s %s', found.attrelid::regclass, found.changes);
    END LOOP;
END $f$;
CREATE EVENT TRIGGER double_count_bytes ON ddl_command_end
    WHEN TAG IN ('CREATE TABLE', 'CREATE TABLE AS', 'SELECT INTO', 'ALTER TABLE')
    EXECUTE FUNCTION double_count_bytes();

CREATE FUNCTION double_count(counted oid) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER AS $f$
DECLARE found bigint;
BEGIN
    EXECUTE format('SELECT count(*) FROM %s', counted::regclass) INTO found;
    RETURN found;
END $f$;
-- Of the session's own label alone, and made up: three queries of a second and a half.
CREATE VIEW sys_query_history AS
    SELECT n AS query_id, current_setting('double.query_group', true) AS query_label,
        now()::timestamp + n * interval '2 s' AS start_time,
        now()::timestamp + n * interval '2 s' + interval '1.5 s' AS end_time,
        1500000::bigint AS elapsed_time, 1500000::bigint AS execution_time
    FROM generate_series(1, 3) AS n;
GRANT SELECT ON sys_query_history TO PUBLIC;
"""


class Catalog:
    """The system views, and the files they read.

    Attributes:
        folder: Where the files are; PostgreSQL must be able to read it.
        late: Seconds that pass before the errors of a COPY are seen.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.late = 0.0

    def install(self, connect: Any) -> None:
        """Lays all of it into a fresh server.

        Args:
            connect: Gives the superuser's connection to a database.
        """
        self.folder.mkdir()
        self.folder.chmod(0o755)  # whatever our umask: the server is another user's
        for name in _RECORDS:
            self._file(name).touch()
            self._file(name).chmod(0o644)
        for database, sql in (("template1", _INSTALL + ROLES), ("dev", self._in_database())):
            connection = connect(database)
            with connection.cursor() as cursor:
                # A RENAME among them may not stand in the block that one text makes.
                for statement in sql.split(";\n") if database == "template1" else [sql]:
                    if statement.strip():
                        cursor.execute(statement)
            connection.close()

    def record(self, kind: str, rows: Iterable[Mapping[str, object]]) -> None:
        """Adds records to what a view shows."""
        seen: dict[str, str] = {}
        if self.late and kind in _ERRORS:
            when = datetime.now(UTC) + timedelta(seconds=self.late)
            seen = {"seen_from": when.replace(tzinfo=None).isoformat(" ")}
        lines = "".join(json.dumps({**row, **seen}, default=str) + "\n" for row in rows)
        with self._file(kind).open("a") as file:
            file.write(lines)

    def _file(self, kind: str) -> Path:
        return self.folder / f"{kind}.jsonl"

    def _in_database(self) -> str:
        views = [
            f"CREATE VIEW {name} AS SELECT r.* FROM double_records('{name}') AS j, "
            f"jsonb_to_record(j) AS r({columns}); GRANT SELECT ON {name} TO PUBLIC;"
            for name, columns in _RECORDS.items()
        ]
        sql = _IN_DATABASE.replace("{folder}", str(self.folder))
        return "\n".join([sql, DESIGNS, SEMANTICS, MASKING, *views])


def printable(text: str, most: int = 1024) -> str:
    """Text as a record may hold it: no NUL, nothing that is no character, not too long."""
    return text.encode("utf-8", "replace").decode().replace("\0", "?")[:most]

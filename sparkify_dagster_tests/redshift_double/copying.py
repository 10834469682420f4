"""Carrying a COPY out: objects of S3 become rows of PostgreSQL, in the client's own transaction.

What belongs here: the order of things, counting errors, and what the system views are told. What
a value becomes is `copy_values`' business, what a record is `json_records`'.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from concurrent.futures import TimeoutError as NotYet
from dataclasses import dataclass, field
from datetime import UTC, datetime

from sparkify_dagster_tests.redshift_double.catalog import Catalog, printable
from sparkify_dagster_tests.redshift_double.copy_statement import CopyStatement
from sparkify_dagster_tests.redshift_double.copy_values import Column, RowMaker, column_of
from sparkify_dagster_tests.redshift_double.json_records import (
    BadPaths,
    BadRecord,
    Pick,
    Record,
    pick_by_name,
    pick_by_paths,
    records,
)
from sparkify_dagster_tests.redshift_double.link import Link
from sparkify_dagster_tests.redshift_double.objects import (
    S3,
    S3Failed,
    Source,
    check_roles,
    nothing_found,
    read_ahead,
    sources,
)
from sparkify_dagster_tests.redshift_double.wire import SqlError

_BATCH = 500
_PATIENCE = 0.1


class CutShort(Exception):
    """A test had this COPY end midway."""


@dataclass
class CopyRun:
    """One COPY.

    Attributes:
        check: Called every now and then; raises SqlError when the statement is to end.
        cut_short: End midway, once some rows are in PostgreSQL.
        rows: How many were loaded.
        errors: How many were not.
        loading: Whether it came as far as reading data.
    """

    copy: CopyStatement
    link: Link
    s3: S3
    catalog: Catalog
    user: str
    pid: int
    query_id: int
    check: Callable[[], None]
    cut_short: bool = False
    rows: int = 0
    errors: int = 0
    loading: bool = False
    _table_id: int = 0
    _columns: list[Column] = field(default_factory=list)
    _started: str = field(default_factory=lambda: _now())
    _files: list[tuple[str, int, int]] = field(default_factory=list)

    def run(self) -> None:
        """Loads.

        Raises:
            SqlError: It failed; PostgreSQL may not know yet.
            CutShort: It was told to end.
        """
        started = time.monotonic()
        status = "failed"
        try:
            self._load()
            status = "completed"
        except S3Failed as error:
            raise SqlError("XX000", str(error)) from error
        finally:
            if not self.cut_short:
                self.link.give_up_copy()
            self._tell_history(status, time.monotonic() - started)

    def _load(self) -> None:
        self._columns = self._target()
        check_roles(self.copy.roles, self.user)
        self.s3.check_region(self.copy.source, self.copy.region)
        pick = self._pick()
        found = sources(self.s3, self.copy.source, manifest=self.copy.manifest)
        for bucket in {source.uri.split("/")[2] for source in found}:
            self.s3.check_region(f"s3://{bucket}/", self.copy.region)
        self.loading = True
        columns = ", ".join(f'"{column.name}"' for column in self._columns)
        self.link.begin_copy(self.copy.table, columns)
        self._feed(found, pick)
        self.link.end_copy()

    def _target(self) -> list[Column]:
        """The columns to be filled, in the order of the column list."""
        table = self.copy.table.replace("'", "''")
        try:
            found = self.link.ask(
                "SELECT a.attrelid, a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull "
                f"FROM pg_catalog.pg_attribute AS a WHERE a.attrelid = '{table}'::regclass "
                "AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum"
            )
        except SqlError as error:
            if error.sqlstate == "42P01":
                text = f"Cannot COPY into nonexistent table {self.copy.table_name}"
                raise SqlError("42P01", text) from error
            raise
        self._table_id = int(found[0][0] or 0)
        declared = {
            str(name): column_of(str(name), str(kind), required == "t")
            for _, name, kind, required in found
        }
        for name in self.copy.columns:
            if name not in declared:
                text = f'column "{name}" of relation "{self.copy.table_name}" does not exist'
                raise SqlError("42703", text)
        return [declared[name] for name in self.copy.columns or declared]

    def _pick(self) -> Pick:
        names = [column.name for column in self._columns]
        said = self.copy.json or "auto"
        if not said.startswith("s3://"):
            return pick_by_name(names, ignore_case=said == "auto ignorecase")
        self.s3.check_region(said, self.copy.region)
        try:
            return pick_by_paths(self.s3.read(said), names)
        except BadPaths as error:
            raise SqlError("XX000", f"{error} ({said})") from error

    # ----------------------------------------------------------------------------------------------
    # Rows
    # ----------------------------------------------------------------------------------------------

    def _feed(self, found: Sequence[Source], pick: Pick) -> None:
        try:
            maker = RowMaker(self._columns, self.copy)
        except KeyError as error:
            raise SqlError("0A000", f"the double cannot COPY into type {error}") from error
        batch: list[str] = []
        for uri, data in self._read(found):
            rows_before, errors_before = self.rows, self.errors
            for record in records(data):
                row = self._row(record, pick, maker, uri)
                if row is not None:
                    batch.append(row)
                if len(batch) >= _BATCH:
                    self._send(batch)
            lines = self.rows - rows_before + self.errors - errors_before
            self._files.append((uri, len(data), lines))
        self._send(batch)
        if self.cut_short:
            raise CutShort
        if not self._files:
            raise nothing_found(self.copy.source)

    def _read(self, found: Sequence[Source]) -> Iterator[tuple[str, bytes]]:
        for source, future in read_ahead(self.s3, found, packed=self.copy.gzip):
            data = self._wait_for(future)
            if data is not None:
                yield source.uri, data

    def _wait_for(self, future: Future[bytes | None]) -> bytes | None:
        while True:
            self.check()
            try:
                return future.result(_PATIENCE)
            except NotYet:
                continue

    def _row(self, record: Record, pick: Pick, maker: RowMaker, uri: str) -> str | None:
        try:
            if record.fields is None:
                raise record.error or BadRecord(1200, "Unknown parse error")
            row = maker.row(pick(record.fields))
        except BadRecord as error:
            self._tell_error(error, record, uri)
            self.errors += 1
            if self.errors >= max(1, self.copy.max_errors):
                raise self._failed() from error
            return None
        self.rows += 1
        return row

    def _send(self, batch: list[str]) -> None:
        self.check()
        if batch:
            self.link.feed("".join(batch))
            batch.clear()
            if self.cut_short:
                raise CutShort

    def _failed(self) -> SqlError:
        return SqlError(
            "XX000",
            f"Load into table '{self.copy.table_name}' failed.  "
            "Check 'sys_load_error_detail' system table for details.",
        )

    # ----------------------------------------------------------------------------------------------
    # What the system views are told
    # ----------------------------------------------------------------------------------------------

    def _tell_error(self, error: BadRecord, record: Record, uri: str) -> None:
        column = next((c for c in self._columns if c.name == error.column), None)
        kind, length = (column.kind, str(column.length or "")) if column else ("", "")
        reason = printable(error.reason, 256)
        self.catalog.record(
            "sys_load_error_detail",
            [
                {
                    "user_id": 100, "query_id": self.query_id, "transaction_id": self.query_id,
                    "session_id": self.pid, "database_name": "dev", "table_id": self._table_id,
                    "start_time": self._started, "file_name": uri, "line_number": record.line,
                    "column_name": error.column, "column_type": kind, "column_length": length,
                    "position": 0, "error_code": error.code, "error_message": reason,
                }
            ],
        )  # fmt: skip
        self.catalog.record(
            "stl_load_errors",
            [
                {
                    "userid": 100, "slice": 0, "tbl": self._table_id, "starttime": self._started,
                    "session": self.pid, "query": self.query_id, "filename": uri,
                    "line_number": record.line, "colname": error.column, "type": kind,
                    "col_length": length, "position": 0, "raw_line": printable(record.raw[:1024]),
                    "raw_field_value": printable(error.value), "err_code": error.code,
                    "err_reason": reason, "is_partial": 0, "start_offset": 0, "copy_job_id": 0,
                }
            ],
        )  # fmt: skip

    def _tell_history(self, status: str, seconds: float) -> None:
        size = sum(length for _, length, _ in self._files)
        common = {"user_id": 100, "query_id": self.query_id}
        self.catalog.record(
            "sys_load_history",
            [
                {
                    **common, "transaction_id": self.query_id, "session_id": self.pid,
                    "database_name": "dev", "status": status, "table_name": self.copy.table_name,
                    "start_time": self._started, "end_time": _now(),
                    "duration": int(seconds * 1e6), "data_source": self.copy.source,
                    "file_format": "json", "loaded_rows": self.rows * (status == "completed"),
                    "loaded_bytes": size, "source_file_count": len(self._files),
                    "source_file_bytes": size, "error_count": self.errors,
                }
            ],
        )  # fmt: skip
        self.catalog.record(
            "sys_load_detail",
            [
                {
                    **common, "file_name": uri, "bytes_scanned": length, "lines_scanned": lines,
                    "splits_scanned": 1, "record_time": _now(),
                }
                for uri, length, lines in self._files
            ],
        )  # fmt: skip
        self.catalog.record(
            "stl_load_commits",
            [
                {
                    "userid": 100, "query": self.query_id, "slice": 0,
                    "name": self.copy.table_name, "filename": uri, "byte_offset": length,
                    "lines_scanned": lines, "errors": 0, "curtime": _now(), "status": 1,
                    "file_format": "json", "is_partial": 0, "start_offset": 0, "copy_job_id": 0,
                }
                for uri, length, lines in self._files
            ],
        )  # fmt: skip


def _now() -> str:
    return datetime.now(UTC).replace(tzinfo=None).isoformat(sep=" ")

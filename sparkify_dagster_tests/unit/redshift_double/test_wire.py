from __future__ import annotations

import socket
import struct

import pytest

from sparkify_dagster_tests.redshift_double.faults import ArmedFaults, Fault
from sparkify_dagster_tests.redshift_double.wire import (
    Gone,
    SqlError,
    Stream,
    error_response,
    fields_of,
    frame,
    query,
    row_of,
    startup_packet,
    startup_parameters,
    text_of,
)


def test_messages_come_out_as_they_went_in_however_they_are_cut() -> None:
    here, there = socket.socketpair()
    stream = Stream(there)
    data = frame(b"Q", b"x" * 100_000) + frame(b"X") + startup_packet({"user": "a", "b": ""})
    for start in range(0, len(data), 40_000):
        here.sendall(data[start : start + 40_000])
    assert stream.message() == (b"Q", b"x" * 100_000)
    assert stream.message() == (b"X", b"")
    assert stream.pending()
    assert stream.startup() == (196608, b"user\0a\0b\0\0\0")
    here.close()
    with pytest.raises(Gone):
        stream.message()
    stream.close()
    with pytest.raises(Gone):
        stream.send(b"x")


def test_startup_parameters_are_read() -> None:
    assert startup_parameters(b"user\0a\0database\0b\0\0") == {"user": "a", "database": "b"}


def test_sql_that_is_no_utf8_is_passed_on_as_it_is() -> None:
    assert query(text_of(b"SELECT '\xff'\0")) == frame(b"Q", b"SELECT '\xff'\0")


def test_errors_have_fields() -> None:
    sent = error_response(SqlError("XX000", "1023", "a detail"))
    assert fields_of(sent[5:]) == {
        "S": "ERROR", "V": "ERROR", "C": "XX000", "M": "1023", "D": "a detail",
    }  # fmt: skip


def test_rows_are_read() -> None:
    assert row_of(struct.pack("!hii", 2, -1, 2) + b"ab") == (None, "ab")


def test_a_fault_comes_as_often_as_it_was_armed_for() -> None:
    faults = ArmedFaults()
    faults.arm(Fault("delay", "insert", 5, seconds=1))
    faults.arm(Fault("fail", r"^INSERT\s.* t$"))
    faults.arm(Fault("cut_after", "t"))
    met = [[f.kind for f in faults.take(sql)] for sql in ("insert\nin to t", "insert into t", "x")]
    assert met == [["delay", "fail"], ["delay", "cut_after"], []]
    faults.clear()
    assert faults.take("insert") == []

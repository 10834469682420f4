"""Answers in files: what is read back is what was asked for, and no formula runs."""

from __future__ import annotations

import csv
import json
import os
import stat
import zipfile
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pytest
from pyarrow import parquet

from sparkify_dagster.analysis import files
from sparkify_dagster.analysis.files import writer_for
from sparkify_dagster.core.local_files import OutputError

FORMULAS = ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "=cmd|' /C calc'!A0", "  =1", "\uff1d1"]
ROWS = pa.table(
    {
        "text": [*FORMULAS, 'a,b "c"\nd ❤ \'e', ""],
        "none": pa.array([None] * 11, pa.string()),
        "whole": [2**63 - 1, -(2**63), *range(9)],
        "double": [-1.5, float("inf"), 1e300, *[0.1] * 8],
        "moment": [datetime(1, 1, 1), datetime(2018, 11, 1, 1, 2, 3), *[None] * 9],
        "day": [date(9999, 12, 31), date(1899, 12, 31), *[None] * 9],
        "truth": [True, False, *[None] * 9],
        "parts": pa.array([Decimal("1.25")] * 11, pa.decimal128(9, 2)),
        "list": [["=x"], [], *[None] * 9],
        "=name": [1] * 11,
    }
)
ENDINGS = (".csv", ".parquet", ".json", ".xlsx")


@pytest.fixture(params=ENDINGS)
def path(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    return tmp_path / "new folder" / f"answer{request.param}"


def test_a_csv_file_holds_every_value_and_no_formula(tmp_path: Path) -> None:
    path = tmp_path / "answer.CSV"
    writer_for(path, force=False)(ROWS)
    with path.open(newline="", encoding="utf-8") as file:
        names, *rows = csv.reader(file)
    assert names == [*ROWS.column_names[:-1], "'=name"]
    others = ROWS["text"].to_pylist()[len(FORMULAS) :]
    assert [row[0] for row in rows] == [f"'{text}" for text in FORMULAS] + others
    assert rows[0][1:] == [
        "", "9223372036854775807", "-1.5", "0001-01-01 00:00:00.000000", "9999-12-31", "true",
        "1.25", '["=x"]', "1",
    ]  # fmt: skip
    assert b'\n"",,' in path.read_bytes(), "an empty text is none but NULL"


def test_a_parquet_file_holds_the_same_rows_and_types(tmp_path: Path) -> None:
    path = tmp_path / "answer.parquet"
    writer_for(path, force=False)(ROWS)
    assert parquet.read_table(path).equals(ROWS)


def test_a_json_file_holds_one_record_a_line(tmp_path: Path) -> None:
    path = tmp_path / "answer.json"
    writer_for(path, force=False)(ROWS)
    records = json.loads(path.read_text(encoding="utf-8"))
    assert [record["text"] for record in records] == ROWS["text"].to_pylist()
    assert records[0] == {
        "text": "=1+1", "none": None, "whole": 2**63 - 1, "double": -1.5,
        "moment": "0001-01-01 00:00:00", "day": "9999-12-31", "truth": True, "parts": 1.25,
        "list": ["=x"], "=name": 1,
    }  # fmt: skip
    assert len(path.read_text(encoding="utf-8").splitlines()) == len(records) + 2


def test_an_excel_file_holds_texts_as_texts_and_no_formula(tmp_path: Path) -> None:
    path = tmp_path / "answer.xlsx"
    writer_for(path, force=False)(ROWS)
    with zipfile.ZipFile(path) as book:
        (sheet,) = [book.read(n).decode() for n in book.namelist() if "worksheets/sheet" in n]
    assert "<f>" not in sheet
    assert "<hyperlink" not in sheet
    for text in ("=1+1", "=cmd|' /C calc'!A0", "=name", "9223372036854775807", "0001-01-01"):
        assert f">{text}" in sheet, text
    assert ">-1.5<" in sheet


def test_no_rows_make_a_file_too(path: Path) -> None:
    writer_for(path, force=False)(ROWS.slice(0, 0))
    assert path.stat().st_size
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_file_that_is_there_is_replaced_only_by_force_and_never_by_half(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path.parent.mkdir()
    write = writer_for(path, force=False)
    path.write_text("kept")
    with pytest.raises(OutputError, match=r"is there already; --force replaces it"):
        writer_for(path, force=False)
    with pytest.raises(OutputError, match="is there already"):
        write(ROWS)
    monkeypatch.setattr(files, "_AT_ONCE", 2)
    monkeypatch.setattr(files.progress, "report", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        writer_for(path, force=True)(ROWS)
    assert path.read_text() == "kept"
    monkeypatch.undo()
    writer_for(path, force=True)(ROWS)
    assert path.read_bytes() != b"kept"
    assert os.listdir(path.parent) == [path.name]


def test_what_cannot_be_written_is_said_before_anything_is_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(OutputError, match=r"the ending says how to write; take \.csv, \.parquet"):
        writer_for(tmp_path / "answer.txt", force=False)
    monkeypatch.setitem(__import__("sys").modules, "xlsxwriter", None)
    with pytest.raises(OutputError, match=r"pip install 'sparkify-dagster\[excel\]'"):
        writer_for(tmp_path / "answer.xlsx", force=False)


def test_what_excel_cannot_hold_is_refused_with_its_place(tmp_path: Path) -> None:
    write = writer_for(tmp_path / "answer.xlsx", force=False)
    with pytest.raises(OutputError, match=r"column a, row 2: a text of 32,768 characters"):
        write(pa.table({"a": ["", "x" * 32_768]}))
    with pytest.raises(OutputError, match=r"an Excel sheet holds 1,048,575"):
        write(pa.table({"a": pa.nulls(1_048_576)}))
    assert os.listdir(tmp_path) == []


def test_a_folder_that_is_a_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match=r"answer\.csv: cannot be written"):
        writer_for(tmp_path / "file" / "answer.csv", force=False)(ROWS)

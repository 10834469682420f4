"""The file appears whole or not at all, and what stands in the way is named."""

from __future__ import annotations

from pathlib import Path

import pytest

from sparkify_dagster.report.writing import ReportError, put


def test_the_folder_is_made_and_the_old_page_replaced(tmp_path: Path) -> None:
    path = tmp_path / "a" / "b" / "report.html"
    put(path, b"old")
    put(path, b"new")
    assert path.read_bytes() == b"new"
    assert list(path.parent.iterdir()) == [path], "nothing is left beside it"


def test_a_page_that_cannot_be_written_leaves_the_old_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "report.html"
    put(path, b"old")

    def full(self: Path, data: bytes) -> int:
        with self.open("wb") as file:
            file.write(data[:1])
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(ReportError, match=r"report\.html: .*No space left.*--output"):
        put(path, b"new")
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_folder_in_its_place_is_an_error_with_its_name(tmp_path: Path) -> None:
    (tmp_path / "report.html").mkdir()
    with pytest.raises(ReportError, match="Is a directory"):
        put(tmp_path / "report.html", b"x")
    assert [path.name for path in tmp_path.iterdir()] == ["report.html"]


def test_a_file_where_a_folder_must_be_is_an_error_with_its_name(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("")
    with pytest.raises(ReportError, match="cannot be written"):
        put(tmp_path / "data" / "report.html", b"x")

"""The docs and the example file say what the code does."""

import re
from inspect import cleandoc
from pathlib import Path

from sparkify_dagster.settings import Settings, describe_settings, load_settings
from sparkify_dagster.settings.sections import Section
from sparkify_dagster_tests.unit.settings.texts import ROOT


def test_every_setting_says_what_it_means_and_what_it_expects() -> None:
    described = describe_settings()

    lacking = [
        f"[{info.section}] {info.key}"
        for info in described
        if not (info.meaning.endswith(".") and info.expected)
    ]
    assert not lacking, (
        f"say of {lacking} in its section's docstring what it means, in a sentence, and by its "
        "type what is expected (settings/sections.py, settings/values.py)"
    )
    assert len({info.env for info in described}) == len(described)
    assert [info.key for info in described if info.secret] == ["DB_PASSWORD", "WEBHOOK"]


def test_the_example_file_names_every_setting_with_its_default(tmp_path: Path) -> None:
    text = (ROOT / "dwh.cfg.example").read_text(encoding="utf-8")
    written = []
    section = ""
    for line in text.splitlines():
        if found := re.fullmatch(r"\[(\w+)\]", line):
            section = found[1]
        elif found := re.fullmatch(r"(\w+)=(.*)", line):
            written.append((section, found[1], found[2].strip("'")))

    wanted = [(info.section, info.key, info.default) for info in describe_settings()]
    assert written == wanted, "write them into dwh.cfg.example, in this order"
    (tmp_path / "dwh.cfg").write_text(text, encoding="utf-8")
    loaded = load_settings(environ={}, cwd=tmp_path)
    (tmp_path / "dwh.cfg").unlink()
    assert loaded.model_copy(update={"source": None}) == load_settings(environ={}, cwd=tmp_path)


def test_the_table_in_the_docs_is_the_settings() -> None:
    text = (ROOT / "docs" / "settings.md").read_text(encoding="utf-8")
    rows = [line for line in text.splitlines() if line.startswith("| `[")]

    wanted = [
        f"| `[{info.section}]` | `{info.key}` | `{info.env}` |"
        f" {f'`{info.default}`' if info.default else '(blank)'} |"
        f" {info.meaning} | {info.expected} |"
        for info in describe_settings()
    ]
    assert rows == wanted, "write these rows into docs/settings.md, in this order"


def test_a_section_s_docstring_names_its_settings_and_no_others() -> None:
    for section in (field.default for field in Settings.model_fields.values()):
        if isinstance(section, Section):
            named = re.findall(r"^ {4}(\w+): ", cleandoc(type(section).__doc__ or ""), re.MULTILINE)
            assert named == list(type(section).model_fields), type(section).__name__

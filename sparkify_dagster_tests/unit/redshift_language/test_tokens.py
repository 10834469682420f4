from __future__ import annotations

import pytest

from sparkify_dagster_tests.redshift_language.tokens import (
    Edits,
    closing,
    items,
    statements_of,
    table_name,
    tokens_of,
)


@pytest.mark.parametrize(
    ("sql", "wanted"),
    [
        ("SELECT a.b, 1.5e3", ["SELECT", "a", ".", "b", ",", "1.5e3"]),
        ("'it''s' 'a\\'b' ;", ["'it''s'", "'a\\'b'", ";"]),
        ("a -- ; 'x\n b", ["a", "b"]),
        ("a /* x /* y */ ; */ b", ["a", "b"]),
        ("a /* no end", ["a"]),
        ('"a ""b"" ; " x', ['"a ""b"" ; "', "x"]),
        ("$f$ a ' ; $f$ b", ["$f$ a ' ; $f$", "b"]),
        ("a::int<>b", ["a", "::", "int", "<>", "b"]),
        ("'no end", ["'", "no", "end"]),
    ],
)
def test_texts_are_cut_at_the_right_places(sql: str, wanted: list[str]) -> None:
    assert [token.text for token in tokens_of(sql)] == wanted


def test_tokens_know_where_they_stand() -> None:
    sql = "SELECT 'é', \"Ü\" /* ; */ FROM x"
    assert all(sql[t.start : t.end] == t.text for t in tokens_of(sql))


def test_statements_are_parted_at_semicolons_of_their_own() -> None:
    found = statements_of(" a ';' ; -- ;\n ;b(';')")
    assert [sql for sql, _ in found] == ["a ';'", "b(';')"]
    assert [t.text for t in found[1][1]] == ["b", "(", "';'", ")"]
    assert found[1][1][0].start == 0


def test_names_fold_and_strings_are_unescaped() -> None:
    (name, text) = tokens_of("\"A\"\"B\" 'it''s a \\'x\\\\'")
    assert name.name == 'a"b'
    assert text.value == "it's a 'x\\"


def test_what_is_not_edited_stays_as_it_was() -> None:
    sql = "a  b /* c */ d"
    a, b, d = tokens_of(sql)
    edits = Edits(sql)
    edits.replace(d, d, "D")
    edits.remove([a])
    assert edits.applied() == "  b /* c */ D"
    edits.remove([b])
    assert edits.applied() == "   /* c */ D"


def test_parentheses_are_matched() -> None:
    tokens = tokens_of("(a, (b, c), d) e")
    assert closing(tokens, 0) == 10
    assert [len(item) for item in items(tokens[1:10])] == [1, 5, 1]
    assert closing(tokens_of("(a"), 0) == 2


def test_names_may_be_qualified() -> None:
    name, after = table_name(tokens_of('s."t" (a)'), 0)
    assert ("".join(t.text for t in name), after) == ('s."t"', 3)

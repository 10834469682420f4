"""The JSONPaths document: what is taken, and what a person is told when it is not."""

import json

import pytest

from sparkify_dagster.lake.errors import DocumentError, LakeError
from sparkify_dagster.lake.jsonpaths import JsonPaths, parse_jsonpaths


def parsed(*paths: object) -> JsonPaths:
    return parse_jsonpaths(json.dumps({"jsonpaths": paths}).encode(), len(paths), "paths.json")


def refusal(text: bytes, expected: int = 1) -> str:
    with pytest.raises(LakeError) as caught:
        parse_jsonpaths(text, expected, "lake/paths.json")
    message = str(caught.value)
    assert message.startswith("lake/paths.json: ")
    return message.removeprefix("lake/paths.json: ")


@pytest.mark.parametrize(
    ("path", "field"),
    [
        ("$['artist']", "artist"),
        ("$.artist", "artist"),
        ("$['user id']", "user id"),
        ("$['a.b']", "a.b"),
        ("$['a[0]']", "a[0]"),
        ("$['*']", "*"),
        ("$['\"']", '"'),
        ("$['Künstler 🎵']", "Künstler 🎵"),
        ("$.Künstler", "Künstler"),
        ("$.a-b_c", "a-b_c"),
        ("$.0", "0"),
        (r"$['it\'s']", "it's"),
        (r"$['a\\b']", r"a\b"),
    ],
)
def test_a_path_of_one_level_names_a_field(path: str, field: str) -> None:
    assert parsed(path).fields == (field,)


ASIDE = "blanks or line breaks before or after it; take them off"
MANY = "it asks for more than one field, or for one of a list"
DEEPER = "it leads to a field within a field, and only one level is read"
SPELT = "not spelt as a path"


@pytest.mark.parametrize(
    ("path", "wrong"),
    [
        ("artist", "it does not begin with $"),
        ("['artist']", "it does not begin with $"),
        ("$", "it names no field"),
        ("$.", "it names no field"),
        ("$['']", "it names no field"),
        ("$[]", "it names no field"),
        ("$[0]", MANY),
        ("$[artist]", SPELT),
        ('$["artist"]', "double quotes; use single ones"),
        ("$[\u2018artist\u2019]", "curly quotes; use straight single ones"),
        ("$[\u201cartist\u201d]", "curly quotes; use straight single ones"),
        ("$['artist'", SPELT),
        ("$['artist']['name']", DEEPER),
        ("$.artist.name", DEEPER),
        ("$['artist'].name", DEEPER),
        ("$.artist['name']", DEEPER),
        ("$.artist[0]", DEEPER),
        ("$..artist", MANY),
        ("$.*", MANY),
        ("$[*]", MANY),
        ("$.a b", SPELT),
        (" $.artist", ASIDE),
        ("$.artist ", ASIDE),
        ("$.artist\n", ASIDE),
        ("$['artist']\n", ASIDE),
        ("$['a'b']", SPELT),
        ("$['a\\']", SPELT),
        ("$['a\x00']", SPELT),
        ("$['\ud83d']", SPELT),
        ("$.\ud83d", SPELT),
        ("", "blank"),
        (" ", "blank"),
        (None, "not a text"),
        (7, "not a text"),
        (["$.artist"], "not a text"),
    ],
)
def test_any_other_path_is_refused_by_number_and_says_what_is_wrong(
    path: object, wrong: str
) -> None:
    text = json.dumps({"jsonpaths": ["$.good", path]}).encode()
    assert refusal(text, 2) == (
        f"path 2 is {path!r}: {wrong}. A path names one field, $['name'] or $.name."
    )


def test_the_fields_keep_their_order_and_may_repeat() -> None:
    assert parsed("$.b", "$['a']", "$.b").fields == ("b", "a", "b")


def test_the_token_follows_the_fields_and_not_the_spelling_of_the_file() -> None:
    spaced = b' { "jsonpaths" : [ "$.a",\n "$[\'b\']" ] } '
    assert parse_jsonpaths(spaced, 2, "x").token == parsed("$['a']", "$.b").token
    tokens = {parsed("$.a", "$.b").token, parsed("$.b", "$.a").token, parsed("$.ab").token}
    assert len(tokens) == 3


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (
            b"",
            "not valid JSON (Expecting value: line 1 column 1 (char 0)); mend the JSONPaths file.",
        ),
        (
            b"$.artist",
            "not valid JSON (Expecting value: line 1 column 1 (char 0)); mend the JSONPaths",
        ),
        (b'{"jsonpaths": ["$.a"', "not valid JSON ("),
        (b'{"jsonpaths": ["\xff"]}', "not valid JSON ('utf-8' codec can't decode byte 0xff"),
        (b"[" * 200_000, "not valid JSON ("),
    ],
)
def test_a_document_that_is_no_json_is_refused_with_the_parsers_words(
    text: bytes, reason: str
) -> None:
    assert refusal(text).startswith(reason)


@pytest.mark.parametrize(
    ("encoding", "wrong"),
    [
        (
            "utf-8-sig",
            "begins with a byte order mark, which JSON has not; save it as UTF-8 without one.",
        ),
        ("utf-16", "is UTF-16; save it as UTF-8."),
    ],
)
def test_a_document_saved_in_another_encoding_says_how_to_save_it(
    encoding: str, wrong: str
) -> None:
    assert refusal('{"jsonpaths": ["$.a"]}'.encode(encoding)) == wrong


@pytest.mark.parametrize(
    "document",
    [[], ["$.a"], "x", 1, None, {}, {"paths": []}, {"jsonpaths": ["$.a"], "more": 1}],
)
def test_a_document_of_another_shape_is_refused(document: object) -> None:
    assert refusal(json.dumps(document).encode()) == (
        'a JSONPaths file is one object with the one key "jsonpaths"; mend it.'
    )


@pytest.mark.parametrize("paths", ["$.a", {"a": "$.a"}, None, 1])
def test_paths_that_are_no_list_are_refused(paths: object) -> None:
    text = json.dumps({"jsonpaths": paths}).encode()
    assert refusal(text) == '"jsonpaths" must be a list of paths; mend it.'


@pytest.mark.parametrize("count", [0, 17, 19])
def test_a_wrong_number_of_paths_is_counted(count: int) -> None:
    text = json.dumps({"jsonpaths": ["$.a"] * count}).encode()
    assert refusal(text, 18) == (
        f"{count} paths, but staging_events_table has 18 columns to feed; list exactly 18, in the "
        "columns' order."
    )


def test_fields_that_are_out_of_step_with_the_columns_are_named() -> None:
    text = b'{"jsonpaths": ["$.artist", "$.mood"]}'
    said = r"exactly 1, in the columns' order\. It lacks song\. No column .* artist, mood\."
    with pytest.raises(DocumentError, match=said):
        parse_jsonpaths(text, 1, "paths.json", ["song"])


@pytest.mark.parametrize("path", ["`sparkify create-tables --drop`" * 9_000, None])
def test_a_path_of_any_size_is_told_in_short_and_offers_no_command(path: str | None) -> None:
    deep = "[" * 900 + "]" * 900 if path is None else json.dumps(path)
    document = b'{"jsonpaths": [%b]}' % deep.encode()
    with pytest.raises(DocumentError) as caught:
        parse_jsonpaths(document, 1, "paths.json")
    said = str(caught.value)
    assert said.startswith("paths.json: path 1 is ")
    assert len(said) < 500
    assert "`" not in said

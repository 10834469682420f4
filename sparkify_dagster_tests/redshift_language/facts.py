"""What AWS's developer guide says of Redshift's words, as sets.

What belongs here: the lists in `facts/`. `functions.txt`, `leader.txt` and `reserved.txt` are the
guide's; `functions_besides.txt` are functions with a page of their own that its list lacks.
"""

from __future__ import annotations

import json
import tomllib
from pathlib import Path

_FOLDER = Path(__file__).parent / "facts"
_WORDS = tomllib.loads((_FOLDER / "words.toml").read_text(encoding="utf-8"))


def _file(*names: str) -> frozenset[str]:
    texts = [(_FOLDER / f"{name}.txt").read_text(encoding="utf-8") for name in names]
    return frozenset(word for text in texts for word in text.split())


def _words(name: str) -> frozenset[str]:
    return frozenset(_WORDS[name].split())


RESERVED = _file("reserved")
# Functions over the leader node's catalogue and its types, too, whatever the guide's list says.
LEADER = _file("leader") | {"LOCALTIMESTAMP"} | _words("leader_catalogue")
FUNCTIONS = _file("functions", "functions_besides") | LEADER
VIEWS: dict[str, frozenset[str]] = {
    name: frozenset(columns)
    for name, columns in json.loads((_FOLDER / "views.json").read_text(encoding="utf-8")).items()
}
SYSTEM_COLUMNS = frozenset({"oid", "xmin", "xmax", "cmin", "cmax", "ctid", "tableoid"})
# Reserved, and a value where they stand alone.
VALUES = _words("values")
# What may stand before a parenthesis and is neither a function nor a name.
GRAMMAR = (RESERVED - {"ENCODE", "ENCRYPT", "UNNEST"}) | _words("grammar")
NO_CASTS = _words("no_such_types") | {"BLOB", "CLOB", "HUGEINT", "JSON", "STRING", "TINYINT"}
NO_COLUMN_TYPES = NO_CASTS | _words("no_column_types")
NO_OBJECTS = _words("no_objects")
NO_STATEMENTS = _words("no_statements")
NO_DATE_PARTS = frozenset({"ISODOW", "ISOWEEK", "ISOYEAR", "JULIAN"})
COPY_WORDS = _words("copy_words")
NOT_WITH_JOB = frozenset(
    {"MANIFEST", "MAXERROR", "IGNOREALLERRORS", "DEFAULT", "ACCESS_KEY_ID", "CREDENTIALS"}
)
STYLES = frozenset({"AUTO", "EVEN", "KEY", "ALL"})
ENCODINGS = _words("encodings")
NOT_WITH_JSON = _words("not_with_json")

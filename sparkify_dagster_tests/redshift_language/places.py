"""Where names, functions and tables may stand in a query.

What belongs here: the leader node's functions and tables beside those of the compute nodes, columns
of system views, reserved words as names.
https://docs.aws.amazon.com/redshift/latest/dg/c_SQL_functions_leader_node_only.html
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from sqlglot import exp

from sparkify_dagster_tests.redshift_language.blocks import Tree, blocks_around
from sparkify_dagster_tests.redshift_language.facts import (
    LEADER,
    RESERVED,
    SYSTEM_COLUMNS,
    VALUES,
    VIEWS,
)
from sparkify_dagster_tests.redshift_language.finding import Finding
from sparkify_dagster_tests.redshift_language.tokens import Token, follows

_SYSTEM = ("stl_", "stv_", "svl_", "svv_", "svcs_", "sys_")
_ON_TABLES = "Specified types or functions (one per INFO message) not supported on Redshift tables."
_ALONE = {"CURRENT_SCHEMA", "CURRENT_TIME", "CURRENT_TIMESTAMP", "LOCALTIME", "LOCALTIMESTAMP"}


def _kind(table: exp.Table) -> str:
    """`catalogue`, `system` or `user`."""
    name, schema = table.name.lower(), table.db.lower()
    if name.startswith(_SYSTEM) and schema in ("", "pg_catalog"):
        return "system"
    catalogue = schema in ("pg_catalog", "information_schema") or (
        not schema and name.startswith("pg_")
    )
    return "catalogue" if catalogue else "user"


def _read(tree: Tree) -> list[exp.Table]:
    """The tables of a statement; a view that it makes is of the leader node."""
    is_view = isinstance(tree.root, exp.Create) and tree.root.kind == "VIEW"
    return [t for t in tree.tables() if not (is_view and t is tree.root.this)]


def _catalogue(tree: Tree) -> Iterator[Finding]:
    kinds: dict[str, list[str]] = {"catalogue": [], "system": [], "user": []}
    for table in _read(tree):
        kinds[_kind(table)].append(table.name)
    if kinds["catalogue"] and kinds["user"]:
        words = f"{kinds['catalogue'][0]} beside {kinds['user'][0]}"
        instead = "ask the catalogue in a statement of its own"
        yield Finding("leader node", words, instead, message=_ON_TABLES)


def leader_functions(tree: Tree, tokens: Sequence[Token]) -> Iterator[Finding]:
    """Functions of the leader node beside tables that are not.

    Args:
        tokens: The statement's, as sqlglot forgets how functions were written.
    """
    is_view = isinstance(tree.root, exp.Create) and tree.root.kind == "VIEW"
    tables = [
        t
        for t in tree.tables()
        if _kind(t) != "catalogue" and not (is_view and t is tree.root.this)
    ]
    for index, token in enumerate(tokens) if tables else ():
        before = tokens[index - 1].key if index else ""
        if token.kind != "word" or before in (".", "AS"):
            continue
        called = follows(tokens, index + 1, "(")
        if token.key in LEADER and (called or token.key in _ALONE):
            words = f"{token.text} beside {tables[0].name}"
            instead = "ask for it alone, or pass the value"
            said = f'Function "{token.name}" not supported.'
            yield Finding("leader node", words, instead, message=f"{_ON_TABLES} {said}")


def _views(tree: Tree) -> Iterator[Finding]:
    for column, relations in _columns(tree):
        names = {r.name.lower() for r in relations if isinstance(r, exp.Table)}
        system = all(isinstance(r, exp.Table) and _kind(r) == "system" for r in relations)
        if not (system and names and names <= VIEWS.keys()):
            continue
        known = frozenset[str]().union(*(VIEWS[name] for name in names))
        if column.name.lower() not in known:
            said = f'column "{column.name.lower()}" does not exist in {", ".join(sorted(names))}'
            instead = f"the columns are {', '.join(sorted(known))}"
            yield Finding("system view", column.sql("redshift"), instead, "42703", said)


def _no_system_columns(tree: Tree) -> Iterator[Finding]:
    """PostgreSQL gives each table columns of its own; here the catalogue alone has an `oid`."""
    for column, relations in _columns(tree):
        tables = [r for r in relations if isinstance(r, exp.Table) and tree.is_table(r)]
        if len(tables) != len(relations) or any(_kind(t) != "user" for t in tables):
            continue
        if column.name.lower() in SYSTEM_COLUMNS:
            said = f'column "{column.name.lower()}" does not exist'
            yield Finding("system column", column.sql("redshift"), "a key", "42703", said)


def _columns(tree: Tree) -> Iterator[tuple[exp.Column, list[exp.Expr]]]:
    """Each column with the relations it may be of."""
    for reference in tree.references:
        if not isinstance(reference.column.this, exp.Star):
            yield reference.column, [reference.relation]
    for column in tree.root.find_all(exp.Column):
        block = next(blocks_around(column), None)
        if column.table or block is None or column.name.upper() in VALUES:
            continue
        made = {e.alias.lower() for e in getattr(block, "selects", ()) if e.alias}
        relations = list(tree.relations(block).values())
        alone = next(blocks_around(block), None) is None or len(relations) == 1
        if relations and alone and column.name.lower() not in made:
            yield column, relations


def _reserved(tree: Tree) -> Iterator[Finding]:
    for name in tree.root.find_all(exp.Identifier):
        word = name.name.upper()
        if name.quoted or word not in RESERVED:
            continue
        column = name.parent if isinstance(name.parent, exp.Column) else None
        if column is not None and (word == "OID" or (not column.table and word in VALUES)):
            continue
        said = f'syntax error at or near "{name.name}"'
        instead = "put it in double quotes, or name it otherwise"
        yield Finding("reserved word", name.name, instead, "42601", said)


def _system_columns(tree: Tree) -> Iterator[Finding]:
    """Columns that a CTAS or a SELECT INTO makes of what it selects."""
    is_table = isinstance(tree.root, exp.Create) and tree.root.kind == "TABLE"
    made = tree.root.expression if is_table else tree.root
    if not (is_table or tree.root.args.get("into")):
        return
    for item in getattr(made, "selects", ()):
        if item.alias_or_name.lower() in SYSTEM_COLUMNS:
            yield Finding("reserved word", item.alias_or_name, "no column may have this name")


RULES: tuple[Callable[[Tree], Iterator[Finding]], ...] = (
    _catalogue,
    _views,
    _no_system_columns,
    _reserved,
    _system_columns,
)

"""Who may see what, as data: the roles, how a personal column is masked, the ledger of rights.

What belongs here: what follows from the model alone, and the SQL of one right. Which rights are
missing is `warehouse.rights`' decision.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Container, Iterator, Mapping
from dataclasses import dataclass

from sparkify_dagster.model.catalog import TABLES
from sparkify_dagster.model.ddl import LOAD_LOCK, Engine, qualified, quoted
from sparkify_dagster.model.marts import MARTS
from sparkify_dagster.model.staging import SHORT
from sparkify_dagster.model.star import STAR
from sparkify_dagster.model.table import Column, Layer, Physical, Table, Type

MASKED = "masked"
"""Schema of the masked views on DuckDB, which knows no users."""
_VALUE = quoted("value")
_FIRST_MASK, _FIRST_CLEAR = 100, 200
"""Priorities on Redshift, where the highest decides: who may see clear does, as a reader, too."""

ACCESS_RIGHTS = Table(
    name="access_rights",
    layer=Layer.LEDGER,
    meaning="The roles, grants, masks and views that `sparkify access apply` made: what it may "
    "take away again. It is made by the first one, and outlives the other tables.",
    columns=tuple(
        Column(name, Type.VARCHAR, meaning, length=SHORT, required=True)
        for name, meaning in (
            ("kind", "role, policy, mask, schema, table, member; on DuckDB schema, view."),
            ("role", "The role that has it; blank where it is nobody's."),
            ("what", "The object, or who is a member of the role."),
            ("detail", "The privilege; of a mask its policy and priority; of a view its digest."),
        )
    ),
    key=("kind", "role", "what", "detail"),
    physical=Physical(why="Small; Redshift decides."),
)
KINDS = ("role", "policy", "mask", "schema", "table", "view", "member", "theirs")
"""In the order in which rights are given: nobody reads a column before it is masked. `theirs` are
masks of others."""


@dataclass(frozen=True, slots=True)
class Role:
    """A role, by the end of its name: in the database `SCHEMA_reader`.

    Attributes:
        tables: What it may read.
        clear: It sees personal columns as they are.
        privileges: On each of the tables, and on the schema.
    """

    meaning: str
    tables: tuple[str, ...]
    clear: bool = True
    privileges: tuple[str, ...] = ("SELECT",)
    on_schema: tuple[str, ...] = ("USAGE",)


_SHOWN = tuple(table.name for table in (*STAR, *MARTS))
ROLES: dict[str, Role] = {
    "reader": Role("star and marts, personal columns masked", _SHOWN, clear=False),
    "analyst": Role("star and marts, personal columns clear", _SHOWN),
    "keeper": Role("every table, rejects with their raw text too", tuple(TABLES)),
    "loader": Role(
        "reads and writes every table",
        (*TABLES, LOAD_LOCK),
        privileges=("DELETE", "INSERT", "SELECT", "UPDATE"),
        on_schema=("CREATE", "USAGE"),
    ),
}


@dataclass(frozen=True, slots=True)
class Right:
    """One thing that is given and can be taken away; see the columns of `access_rights`."""

    kind: str
    role: str
    what: str
    detail: str = ""

    def statements(self, schema: str) -> tuple[str, str]:
        """The one that gives it, and the one that takes it away."""
        role, what, detail = self.role and f"ROLE {quoted(self.role)}", self.what, self.detail
        name, policy = quoted(what or self.role), f"MASKING POLICY {self.policy[0]}"
        match self.kind:
            case "role":
                return f"CREATE {role}", f"DROP {role}"
            case "policy":
                way, _, kind = detail.partition(" ")
                given = masked(_VALUE, kind) if way == "mask" else _VALUE
                made = f"MASKING POLICY {name} WITH ({_VALUE} {kind}) USING ({given})"
                return f"CREATE {made}", f"DROP MASKING POLICY {name}"
            case "mask":
                table, _, column = what.partition(".")
                on = f"{policy} ON {qualified(schema, table)} ({quoted(column)})"
                priority = self.policy[1]
                return f"ATTACH {on} TO {role} PRIORITY {priority}", f"DETACH {on} FROM {role}"
            case "view":
                view = f"VIEW {qualified(MASKED, what)}"
                return f"CREATE {view} AS {masked_select(what, schema)}", f"DROP {view}"
            case "member":
                word, _, who = what.partition(" ")
                to = f"ROLE {quoted(who)}" if word == "role" else quoted(who)
                return f"GRANT {role} TO {to}", f"REVOKE {role} FROM {to}"
            case "schema" if not role:
                return f"CREATE SCHEMA {name}", f"DROP SCHEMA {name}"
        on = f"SCHEMA {name}" if self.kind == "schema" else f"TABLE {qualified(schema, what)}"
        return f"GRANT {detail} ON {on} TO {role}", f"REVOKE {detail} ON {on} FROM {role}"

    @property
    def policy(self) -> tuple[str, str]:
        """Of a mask: its policy, quoted, and its priority."""
        name, _, priority = self.detail.rpartition(" ")
        return quoted(name or "none"), priority


def rights_of(
    schema: str, roles: Container[str], there: Container[str], taken: Mapping[str, set[int]]
) -> Iterator[Right]:
    """All that roles must have on Redshift, but for their members.

    Args:
        roles: Those of `ROLES` that are wanted.
        there: The tables that are there.
        taken: By `table.column` the priorities of other people's masks, of which none is used.
    """
    for name, role in ROLES.items():
        if name not in roles:
            continue
        full = f"{schema}_{name}"
        yield Right("role", full, "")
        yield from (Right("schema", full, schema, privilege) for privilege in role.on_schema)
        for table in filter(there.__contains__, role.tables):
            yield from (Right("table", full, table, privilege) for privilege in role.privileges)
            if "reader" in roles and table in _SHOWN:
                yield from _masks(schema, full, role, TABLES[table], taken)


def _masks(
    schema: str, full: str, role: Role, table: Table, taken: Mapping[str, set[int]]
) -> Iterator[Right]:
    """What hides a table's personal columns from readers, and shows them to who may see them."""
    way, priority = ("clear", _FIRST_CLEAR) if role.clear else ("mask", _FIRST_MASK)
    for column in filter(lambda column: column.personal, table.columns):
        policy = f"{schema}_{way}_{re.sub(r'[^a-z0-9]+', '_', column.sql_type.lower()).strip('_')}"
        what = f"{table.name}.{column.name}"
        free = priority
        while free in taken.get(what, ()):
            free += 1
        yield Right("policy", "", policy, f"{way} {column.sql_type}")
        yield Right("mask", full, what, f"{policy} {free}")


def masked(value: str, kind: str, engine: Engine = "redshift") -> str:
    """SQL that hides a value as `core.masking.mask_value` does.

    On Redshift a column keeps its type, so of what is no text nothing is shown.

    Args:
        value: The SQL expression of it.
    """
    is_text = kind.startswith(Type.VARCHAR)
    if not is_text and engine == "redshift":
        return f"CAST(NULL AS {kind})"
    every = ", 'g'" if engine == "duckdb" else ""  # Redshift replaces all of them anyway.
    text = value if is_text else f"CAST({value} AS VARCHAR)"
    digits = f"REGEXP_REPLACE({text}, '[0-9]', '{9 if is_text else 'x'}'{every})"
    hidden = f"REGEXP_REPLACE({digits}, '[A-Za-z]|[^[:cntrl:] -~]', 'x'{every})"
    return hidden if engine == "duckdb" else f"CAST({hidden} AS {kind})"


def masked_select(table: str, schema: str) -> str:
    """SELECT of a table's columns, the personal ones masked, on DuckDB."""

    def shown(column: Column) -> str:
        name = quoted(column.name)
        return f"{masked(name, column.type, 'duckdb')} AS {name}" if column.personal else name

    columns = ", ".join(map(shown, TABLES[table].columns))
    return f"SELECT {columns} FROM {qualified(schema, table)}"


def views_of(schema: str, there: Container[str]) -> Iterator[Right]:
    """What DuckDB, which knows no users, has instead of roles: masked views of star and marts."""
    yield Right("schema", "", MASKED)
    for table in filter(there.__contains__, _SHOWN):
        text = masked_select(table, schema)
        yield Right("view", "", table, hashlib.sha256(text.encode()).hexdigest()[:16])

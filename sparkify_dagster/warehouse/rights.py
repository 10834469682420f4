"""Rights as they are and as they must be: deciding what to do, and doing it.

`decide` is pure: what is wanted, what we made (the ledger) and what stands in the warehouse go in,
steps come out. Only what we made is ever taken away. What belongs here: that, and asking both
engines. What each role may see is `model.access`'.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

import pyarrow as pa

from sparkify_dagster.core.text import cited
from sparkify_dagster.model.access import (
    ACCESS_RIGHTS,
    KINDS,
    MASKED,
    ROLES,
    Right,
    rights_of,
    views_of,
)
from sparkify_dagster.model.catalog import TABLES
from sparkify_dagster.model.ddl import create_table, qualified, quoted
from sparkify_dagster.model.star import STAR
from sparkify_dagster.settings.access import Declared
from sparkify_dagster.warehouse.engine import (
    Columns,
    Session,
    Transient,
    WarehouseError,
    WarehouseMissing,
)

NAMES = ("SELECT 'user', usename FROM pg_user", "SELECT 'role', role_name FROM svv_roles")
STANDING = (
    "SELECT 'policy', '', policy_name, '' FROM svv_masking_policy",
    "SELECT 'member', role_name, 'user ' || user_name, '' FROM svv_user_grants",
    "SELECT 'member', granted_role_name, 'role ' || role_name, '' FROM svv_role_grants",
    "SELECT 'schema', identity_name, namespace_name, privilege_type FROM svv_schema_privileges "
    "WHERE namespace_name = $schema AND identity_type = 'role'",
    "SELECT 'table', identity_name, relation_name, privilege_type FROM svv_relation_privileges "
    "WHERE namespace_name = $schema AND identity_type = 'role'",
)
ATTACHED = (
    "SELECT policy_name, table_name, grantee, grantee_type, priority, output_columns "
    "FROM svv_attached_masking_policy WHERE schema_name = $schema"
)
MAY_LOOK = (
    "SELECT usename, usesuper OR (user_is_member_of(usename, 'sys:secadmin') AND ("
    "user_is_member_of(usename, 'sys:monitor') OR user_is_member_of(usename, 'sys:dba'))) "
    "FROM pg_user WHERE usename = current_user"
)
_VIEWS = (
    "SELECT 'schema', '', schema_name, '' FROM information_schema.schemata "
    "WHERE catalog_name = current_database() AND schema_name = $masked",
    "SELECT 'view', '', table_name, '' FROM information_schema.tables "
    "WHERE table_catalog = current_database() AND table_schema = $masked",
)


@dataclass(frozen=True, slots=True)
class Standing:
    """How things stand.

    Attributes:
        made: What we made, by the ledger.
        rights: What is there, whoever made it; of kind `theirs` are masks that others attached.
        names: Users and roles, as `user NAME` and `role NAME`, in lower case.
    """

    tables: Mapping[str, Columns] = field(default_factory=dict)
    made: frozenset[Right] = frozenset()
    rights: frozenset[Right] = frozenset()
    names: frozenset[str] = frozenset()

    @property
    def theirs(self) -> list[Right]:
        """Masks of others: `role` is who has it, as `user NAME`."""
        return [right for right in sorted(self.rights, key=str) if right.kind == "theirs"]


@dataclass(frozen=True, slots=True)
class Step:
    """One thing to do. `forget`: it is gone already, and is struck out of the ledger."""

    change: Literal["add", "remove", "forget"]
    right: Right
    reason: str

    def statement(self, schema: str) -> str:
        """What is sent; blank where nothing is."""
        add, remove = self.right.statements(schema)
        return {"add": add, "remove": remove, "forget": ""}[self.change]


@dataclass(frozen=True, slots=True)
class Plan:
    """What to do, in order; and in `notes` what is others', and has a say in who sees what."""

    steps: tuple[Step, ...]
    notes: tuple[str, ...]


def decide(wanted: Mapping[Right, str], now: Standing) -> Plan:
    """What leads from how things stand to what is wanted.

    Args:
        wanted: Each right with why it must be.
    """
    there, keys = set(map(_key, now.rights)), set(map(_key, wanted))
    steps, notes = [], []
    for right in sorted(now.made, key=order, reverse=True):
        if _key(right) in keys:
            continue
        if _key(right) not in there:
            steps.append(Step("forget", right, "gone already"))
        elif right.kind in ("role", "schema") and not right.detail and (o := _others(right, now)):
            named = cited(right.role or right.what)
            notes.append(f"{right.kind} {named} stays: others gave it {o}.")
        else:
            steps.append(Step("remove", right, "no longer declared"))
    for right in sorted(wanted, key=order):
        if _key(right) not in there:
            gone = "was made before, and is gone" if right in now.made else wanted[right]
            steps.append(Step("add", right, gone))
    notes += [f"{_of_others(mask)}: of all on a column the highest decides." for mask in now.theirs]
    return Plan(tuple(steps), tuple(notes))


def obstacles(wanted: Collection[Right], declared: Declared, now: Standing) -> list[str]:
    """What stands in the way, a sentence each: members nobody knows, and what is others'."""
    named = {member: at for members in declared.values() for member, at in members.items()}
    others = {(right.kind, right.what) for right in now.rights - now.made}
    ours = {(right.what, f"role {right.role}") for right in wanted if right.kind == "mask"}
    unknown = [
        f"{where}: there is no {cited(member)}, or this login may not see it."
        for member, where in named.items()
        if member.lower() not in now.names
    ]
    not_ours = [
        f"{right.kind} {cited(right.what)} is there, and not by us as access_rights has it: rename "
        "it, or drop it if it is left of a schema that is gone."
        for right in wanted
        if right.kind in ("policy", "view") and (right.kind, right.what) in others
    ]
    masks = [
        f"{_of_others(mask)}, and a role can have one on a column: DETACH it there."
        for mask in now.theirs
        if (mask.what, mask.role) in ours
    ]
    return unknown + not_ours + masks


def planned(session: Session, declared: Declared) -> tuple[Plan, Standing]:
    """What must be done for what is declared, and how things stand.

    Raises:
        WarehouseError: Something stands in the way; all of it is named.
    """
    _require_sight(session)
    now = standing(session)
    if STAR[0].name not in now.tables:
        raise WarehouseMissing("there are no tables yet: make them with `sparkify create-tables`.")
    wanted = _wanted(session, declared, now)
    known = declared if session.engine == "redshift" else {}
    if found := obstacles(wanted, known, now):
        raise WarehouseError("nothing was changed: " + " ".join(found))
    plan = decide(wanted, now)
    if older := _older(session, now.tables):
        said = (
            f"{', '.join(sorted(older))}: no longer as the model has it. What was given stays; the "
        )
        plan = replace(plan, notes=(*plan.notes, f"{said}load that changes it gives the rest."))
    return plan, now


def apply(session: Session, plan: Plan, now: Standing) -> None:
    """Takes the steps, and notes what is ours from now on; all in the session's transaction.

    Raises:
        WarehouseError: One of them is refused; it is named.
    """
    if not plan.steps:
        return
    if ACCESS_RIGHTS.name not in now.tables:
        session.send(create_table(ACCESS_RIGHTS, session.schema, session.engine))
    made = set(now.made)
    for step in plan.steps:
        if statement := step.statement(session.schema):
            _send(session, statement)
        (made.add if step.change == "add" else made.discard)(step.right)
    session.send(f"DELETE FROM {_ledger(session)}")
    rows = zip(*((r.kind, r.role, r.what, r.detail) for r in sorted(made, key=order)), strict=True)
    names = list(ACCESS_RIGHTS.column_names)
    if made:
        session.append(_ledger(session), names, pa.Table.from_arrays([*map(pa.array, rows)], names))


def are_due(session: Session, tables: Mapping[str, Columns]) -> bool:
    """Whether the model calls a column personal that is not masked yet; takes one question."""
    made = _made(session, tables)
    masked = {_masked(right) for right in made}
    return any(
        right.kind in ("mask", "view") and _masked(right) not in masked
        for right in _again(session, Standing(tables, made))
    )


def _masked(right: Right) -> Right:
    """A mask without its priority, which others have a say in; a view with its digest."""
    return replace(right, detail="") if right.kind == "mask" else right


def withdraw(session: Session) -> None:
    """Takes away all that we gave, in the transaction that drops what it is on."""
    _require_sight(session)
    now = standing(session)
    apply(session, decide({}, now), now)


def restore(session: Session) -> None:
    """Gives what was declared last on tables that were just made, in the same transaction."""
    now = standing(session)
    if not now.made:
        return
    if any(right.kind == "mask" for right in now.made):
        _require_sight(session)
    apply(session, decide(_again(session, now), now), now)


def standing(session: Session) -> Standing:
    """Asks the warehouse how things stand."""
    tables = session.tables()
    made = _made(session, tables)
    if session.engine == "duckdb":
        rows = [row for sql in _VIEWS for row in session.query(sql, {"masked": MASKED})]
        return Standing(tables, made, _with_details(rows, made))
    schema = {"schema": session.schema}
    names = [(kind, str(name)) for sql in NAMES for kind, name in session.query(sql)]
    rows = [("role", name, "", "") for kind, name in names if kind == "role"]
    for sql in STANDING:
        rows += session.query(sql, schema if "$schema" in sql else None)
    for policy, table, to, kind, priority, columns in session.query(ATTACHED, schema):
        is_ours = policy.startswith((f"{session.schema}_mask_", f"{session.schema}_clear_"))
        mask = ("mask", to) if is_ours and kind == "role" else ("theirs", f"{kind} {to}")
        on = (f"{table}.{column}" for column in json.loads(columns))
        rows += [(*mask, what, f"{policy} {priority}") for what in on]
    known = frozenset(f"{kind} {name}".lower() for kind, name in names)
    return Standing(tables, made, _with_details(rows, made), known)


def _made(session: Session, tables: Mapping[str, Columns]) -> frozenset[Right]:
    """What we made, by the ledger."""
    ledger = f"SELECT {', '.join(ACCESS_RIGHTS.column_names)} FROM {_ledger(session)}"
    is_known = ACCESS_RIGHTS.name in tables
    return frozenset(Right(*row) for row in (session.query(ledger) if is_known else ()))


def _again(session: Session, now: Standing) -> dict[Right, str]:
    """What was declared last, as the ledger tells, for the tables that are there."""
    of_duckdb = {"reader"} if session.engine == "duckdb" and now.made else set()
    roles = {right.role.rpartition("_")[2] for right in now.made if right.role} | of_duckdb
    members = {right: "declared" for right in now.made if right.kind == "member"}
    return _wanted(session, {role: {} for role in roles}, now) | members


def _wanted(session: Session, declared: Declared, now: Standing) -> dict[Right, str]:
    """All rights that must be, each with why.

    A table that is still an older model's keeps the rights it has: the load that gives it today's
    columns gives them today's rights.
    """
    schema = session.schema
    older = _older(session, now.tables)
    there = now.tables.keys() - older
    kept = _kept(now.made, older, {f"{schema}_{role}" for role in declared})
    if session.engine == "duckdb":
        if "reader" not in declared:
            return {}
        return kept | dict.fromkeys(
            views_of(schema, there), "star and marts, personal columns masked"
        )
    taken = defaultdict[str, set[int]](set)
    for mask in now.theirs:
        taken[mask.what].add(int(mask.policy[1]))
    wanted = {
        right: ROLES[right.role.rpartition("_")[2]].meaning if right.role else "masks need it"
        for right in rights_of(schema, declared, there, taken)
    }
    wanted |= kept | {
        Right("member", f"{schema}_{role}", member): where
        for role, members in declared.items()
        for member, where in members.items()
    }
    return wanted


def _older(session: Session, tables: Mapping[str, Columns]) -> set[str]:
    """The tables that have other columns than the model."""
    return {
        name
        for name, table in TABLES.items()
        if name in tables and dict(tables[name]) != session.declared(table)
    }


def _kept(made: Collection[Right], tables: set[str], roles: set[str]) -> dict[Right, str]:
    """What some tables have, and the policies that it needs."""
    on_them = {
        right
        for right in made
        if right.kind in ("table", "mask", "view") and right.what.partition(".")[0] in tables
        if right.role in roles or not right.role
    }
    needed = {right.policy[0] for right in on_them if right.kind == "mask"}
    on_them |= {r for r in made if r.kind == "policy" and quoted(r.what) in needed}
    return dict.fromkeys(on_them, "the next load changes the table")


def _require_sight(session: Session) -> None:
    """Without them, the system views show no masks, and only roles of one's own.

    Raises:
        WarehouseError: The login lacks a role that Redshift has for that.
    """
    for user, may in session.query(MAY_LOOK) if session.engine == "redshift" else ():
        if not may:
            raise WarehouseError(
                f"{cited(user)} may not see who has which role, or not mask columns: let an "
                f"administrator GRANT ROLE sys:secadmin TO {cited(quoted(user))} and GRANT ROLE "
                f"sys:monitor TO {cited(quoted(user))}."
            )


def _send(session: Session, statement: str) -> None:
    try:
        session.send(statement)
    except Transient:
        raise
    except WarehouseError as error:
        raise WarehouseError(
            f"{error} The statement: {cited(statement)}. docs/redshift.md, Roles and rights, says "
            "what `sparkify access` needs."
        ) from None


def _with_details(rows: Collection[tuple[str, ...]], made: Collection[Right]) -> frozenset[Right]:
    """Rights as they are seen; of what we made, where no detail is seen, with it."""
    ours = {(right.kind, right.what): right for right in made if right.kind in ("policy", "view")}
    seen = (Right(*map(str, row)) for row in rows)
    return frozenset(ours.get((right.kind, right.what), right) for right in seen)


def _others(right: Right, now: Standing) -> str:
    """What a role has, or is in the schema of masked views, that we have not given it."""
    more = {r for r in now.rights - now.made if r.role == right.role and r.kind != right.kind}
    return ", ".join(sorted(cited(f"{r.detail} {r.kind} {r.what}".strip()) for r in more))


def _of_others(mask: Right) -> str:
    policy, _, priority = mask.detail.rpartition(" ")
    to = f"{mask.what} for {cited(mask.role)}, priority {priority}"
    return f"policy {cited(policy)} of somebody else is on {to}"


def _key(right: Right) -> Right:
    """Names of users compare as Redshift has them by default, in lower case."""
    is_member = right.kind == "member"
    return Right(right.kind, right.role, right.what.lower(), "") if is_member else right


def order(right: Right) -> tuple[int, str, str, str]:
    """The place of a right among others: by kind, each before what needs it."""
    privilege = right.detail if right.kind in ("schema", "table") else ""
    return KINDS.index(right.kind), right.role, privilege, right.what


def _ledger(session: Session) -> str:
    return qualified(session.schema, ACCESS_RIGHTS.name)

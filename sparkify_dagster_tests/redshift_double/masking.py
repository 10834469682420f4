"""Dynamic data masking, which PostgreSQL has not, and the views that tell of roles and rights.

Policies and where they are attached are rows of two tables, so they come and go with transactions.
What a masked user reads is a subquery in place of each table, with the policy of the highest
priority in place of each column. What belongs here: the SQL that lays this into a server, and the
change of statements. Only SELECT is masked, with a WITH or a cursor around it; what else reads a
table (UNLOAD, INSERT … SELECT, CREATE TABLE AS, DELETE, a view) sees it clear here.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import sqlglot
from sqlglot import exp

from sparkify_dagster_tests.redshift_double.wire import SqlError
from sparkify_dagster_tests.redshift_language.tokens import Token, closing, follows, table_name

Masks = dict[tuple[str, str], str]
"""For a schema and a table what a user reads in its place."""

MASKED = "SELECT schema_name, table_name, seen FROM pg_catalog.double_masked()"
SELECTS = {"SELECT", "WITH", "(", "DECLARE"}

ROLES = 'CREATE ROLE "sys:secadmin";\nCREATE ROLE "sys:monitor";\nCREATE ROLE "sys:dba";\n'

MASKING = """
CREATE TABLE double_policies (
    name text PRIMARY KEY, input text, type text, expression text, made_by text
);
CREATE TABLE double_masks (
    policy text, relation oid, name text, grantee_type text, grantee text, priority integer,
    grantor text
);
CREATE VIEW double_attached AS
    SELECT m.* FROM double_masks AS m JOIN pg_class AS c ON c.oid = m.relation;

-- Redshift's replaces all of them.
CREATE FUNCTION double_replace(text, text, text) RETURNS text LANGUAGE sql IMMUTABLE
AS 'SELECT regexp_replace($1, $2, $3, ''g'')';

CREATE FUNCTION user_is_member_of(who name, what text) RETURNS boolean LANGUAGE sql STABLE
AS 'SELECT pg_has_role(who, what::name, ''USAGE'')';

CREATE FUNCTION double_refuse(code text, said text) RETURNS void LANGUAGE plpgsql AS $f$
BEGIN RAISE EXCEPTION '%', said USING ERRCODE = code; END $f$;

CREATE PROCEDURE double_secadmin() LANGUAGE sql AS $f$
    SELECT double_refuse('42501', 'permission denied: sys:secadmin is needed')
    WHERE NOT pg_has_role(session_user, 'sys:secadmin', 'USAGE') $f$;

CREATE PROCEDURE double_create_policy(named text, input text, type text, expression text)
LANGUAGE plpgsql SECURITY DEFINER AS $f$
BEGIN
    CALL pg_catalog.double_secadmin();
    IF EXISTS (SELECT 1 FROM pg_catalog.double_policies AS p WHERE p.name = named) THEN
        PERFORM double_refuse('42710', format('masking policy "%s" already exists', named));
    END IF;
    INSERT INTO pg_catalog.double_policies VALUES (named, input, type, expression, session_user);
END $f$;

CREATE PROCEDURE double_drop_policy(named text) LANGUAGE plpgsql SECURITY DEFINER AS $f$
BEGIN
    CALL pg_catalog.double_secadmin();
    IF EXISTS (SELECT 1 FROM double_attached AS m WHERE m.policy = named) THEN
        PERFORM double_refuse('2BP01', format('masking policy "%s" is still attached', named));
    END IF;
    DELETE FROM pg_catalog.double_policies AS p WHERE p.name = named;
    IF NOT FOUND THEN
        PERFORM double_refuse('42704', format('masking policy "%s" does not exist', named));
    END IF;
END $f$;

CREATE PROCEDURE double_attach(named text, made regclass, col text, kind text, who text, at integer)
LANGUAGE plpgsql SECURITY DEFINER AS $f$
BEGIN
    CALL pg_catalog.double_secadmin();
    IF NOT EXISTS (SELECT 1 FROM pg_catalog.double_policies AS p WHERE p.name = named) THEN
        PERFORM double_refuse('42704', format('masking policy "%s" does not exist', named));
    ELSIF NOT EXISTS (SELECT 1 FROM pg_attribute WHERE attrelid = made AND attname = col) THEN
        PERFORM double_refuse('42703', format('column "%s" does not exist', col));
    ELSIF kind <> 'public' AND NOT EXISTS (SELECT 1 FROM pg_roles WHERE rolname = who) THEN
        PERFORM double_refuse('42704', format('%s "%s" does not exist', kind, who));
    ELSIF EXISTS (
        SELECT 1 FROM double_attached AS m WHERE m.relation = made AND m.name = col
        AND (m.policy <> named AND m.priority = at OR m.grantee_type = kind AND m.grantee = who)
    ) THEN
        PERFORM double_refuse('XX000', 'a masking policy is already attached to the relation on '
            || format('column "%s" with same priority, or for "%s"', col, who));
    END IF;
    INSERT INTO pg_catalog.double_masks VALUES (named, made, col, kind, who, at, session_user);
END $f$;

CREATE PROCEDURE double_detach(named text, made regclass, col text, kind text, who text)
LANGUAGE plpgsql SECURITY DEFINER AS $f$
BEGIN
    CALL pg_catalog.double_secadmin();
    DELETE FROM pg_catalog.double_masks AS m WHERE m.policy = named AND m.relation = made
        AND m.name = col AND m.grantee_type = kind AND m.grantee = who;
    IF NOT FOUND THEN
        PERFORM double_refuse('42704', format('masking policy "%s" is not attached', named));
    END IF;
END $f$;

CREATE FUNCTION double_masked() RETURNS TABLE (schema_name name, table_name name, seen text)
LANGUAGE sql STABLE SECURITY DEFINER AS $f$
    WITH best AS (
        SELECT DISTINCT ON (m.relation, m.name) m.relation, m.name, p.input, p.expression
        FROM double_attached AS m JOIN double_policies AS p ON p.name = m.policy
        LEFT JOIN pg_roles AS r ON r.rolname = m.grantee AND m.grantee_type = 'role'
        WHERE m.grantee_type = 'public' OR pg_has_role(session_user, r.oid, 'USAGE')
            OR (m.grantee_type = 'user' AND m.grantee = session_user)
        ORDER BY m.relation, m.name, m.priority DESC
    )
    SELECT n.nspname, t.relname, format('SELECT %s FROM %I.%I AS t', string_agg(
        CASE WHEN b.name IS NULL THEN format('t.%I', a.attname) ELSE
            format('(SELECT %s FROM (SELECT t.%I AS %I) AS i) AS %I',
                b.expression, a.attname, b.input, a.attname) END, ', ' ORDER BY a.attnum
    ), n.nspname, t.relname)
    FROM pg_class AS t JOIN pg_namespace AS n ON n.oid = t.relnamespace
    JOIN pg_attribute AS a ON a.attrelid = t.oid AND a.attnum > 0 AND NOT a.attisdropped
    LEFT JOIN best AS b ON b.relation = t.oid AND b.name = a.attname
    WHERE t.oid IN (SELECT relation FROM best) GROUP BY t.oid, n.nspname, t.relname
$f$;

CREATE VIEW svv_masking_policy AS
    SELECT current_database()::text AS policy_database, name AS policy_name,
        json_build_array(json_build_object('colname', input, 'type', type))::text AS input_columns,
        json_build_array(json_build_object('expr', expression, 'type', type))::text
            AS policy_expression,
        made_by AS policy_modified_by
    FROM double_policies WHERE pg_has_role(session_user, 'sys:secadmin', 'USAGE');
CREATE VIEW svv_attached_masking_policy AS
    SELECT m.policy AS policy_name, n.nspname::text AS schema_name, c.relname::text AS table_name,
        'table'::text AS table_type, m.grantor, m.grantee, m.grantee_type, m.priority,
        json_build_array(m.name)::text AS input_columns,
        json_build_array(m.name)::text AS output_columns
    FROM double_attached AS m
    JOIN pg_class AS c ON c.oid = m.relation JOIN pg_namespace AS n ON n.oid = c.relnamespace
    WHERE pg_has_role(session_user, 'sys:secadmin', 'USAGE');
CREATE FUNCTION double_sees_all() RETURNS boolean LANGUAGE sql STABLE
AS 'SELECT pg_has_role(session_user, ''sys:monitor'', ''USAGE'')';
CREATE VIEW svv_roles AS
    SELECT oid::integer AS role_id, rolname::text AS role_name FROM pg_roles
    WHERE NOT rolcanlogin AND rolname !~ '^pg_'
        AND (double_sees_all() OR pg_has_role(session_user, oid, 'MEMBER'));
CREATE VIEW double_members AS
    SELECT u.oid::integer AS user_id, u.rolname::text AS user_name, u.rolcanlogin,
        r.oid::integer AS role_id, r.rolname::text AS role_name, m.admin_option
    FROM pg_auth_members AS m JOIN pg_roles AS u ON u.oid = m.member
    JOIN pg_roles AS r ON r.oid = m.roleid AND NOT r.rolcanlogin WHERE m.inherit_option;
CREATE VIEW svv_user_grants AS
    SELECT user_id, user_name, role_id, role_name, admin_option FROM double_members
    WHERE rolcanlogin AND (double_sees_all() OR user_name = session_user);
CREATE VIEW svv_role_grants AS
    SELECT user_id AS role_id, user_name AS role_name, role_id AS granted_role_id,
        role_name AS granted_role_name FROM double_members
    WHERE NOT rolcanlogin AND double_sees_all();
CREATE VIEW svv_schema_privileges AS
    SELECT n.nspname::text AS namespace_name, a.privilege_type, a.grantee::integer AS identity_id,
        r.rolname::text AS identity_name,
        CASE WHEN r.rolcanlogin THEN 'user' ELSE 'role' END AS identity_type
    FROM pg_namespace AS n, aclexplode(n.nspacl) AS a JOIN pg_roles AS r ON r.oid = a.grantee;
CREATE VIEW svv_relation_privileges AS
    SELECT n.nspname::text AS namespace_name, c.relname::text AS relation_name, a.privilege_type,
        a.grantee::integer AS identity_id, r.rolname::text AS identity_name,
        CASE WHEN r.rolcanlogin THEN 'user' ELSE 'role' END AS identity_type
    FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace,
        aclexplode(c.relacl) AS a JOIN pg_roles AS r ON r.oid = a.grantee;
GRANT SELECT ON svv_masking_policy, svv_attached_masking_policy, svv_roles, svv_user_grants,
    svv_role_grants, svv_schema_privileges, svv_relation_privileges TO PUBLIC;
"""


def masking_policy(sql: str, tokens: Sequence[Token]) -> str | None:
    """A statement about masking policies for PostgreSQL; None: it is about something else."""
    if not follows(tokens, 1, "MASKING", "POLICY"):
        return None
    name = tokens[3].name.lower()
    if tokens[0].key == "DROP":
        return _call("drop_policy", name)
    if tokens[0].key == "CREATE":
        end = closing(tokens, 5)
        using = closing(tokens, end + 2)
        kind = sql[tokens[7].start : tokens[end].start]
        given = sql[tokens[end + 2].start : tokens[using].end]
        given = re.sub(r"\bREGEXP_REPLACE\b", "pg_catalog.double_replace", given)
        return _call("create_policy", name, tokens[6].name, kind.strip(), given)
    relation, at = table_name(tokens, 5)
    table, end = "".join(t.text for t in relation), closing(tokens, at)
    columns = [t.name.lower() for t in tokens[at + 1 : end] if t.is_name]
    is_role = tokens[end + 2].key == "ROLE"
    who = tokens[end + 2 + is_role]
    kind = "role" if is_role else "public" if who.key == "PUBLIC" else "user"
    given_to = "public" if kind == "public" else who.name
    priority = tokens[-1].text if follows(tokens, len(tokens) - 2, "PRIORITY") else "0"
    at_priority = [int(priority)] if tokens[0].key == "ATTACH" else []
    return ";".join(
        _call(tokens[0].key.lower(), name, table, column, kind, given_to, *at_priority)
        for column in columns
    )


def _call(what: str, *values: str | int) -> str:
    given = ("'" + v.replace("'", "''") + "'" if isinstance(v, str) else str(v) for v in values)
    return f"CALL pg_catalog.double_{what}({', '.join(given)})"


def as_seen(sql: str, tokens: Sequence[Token], masks: Masks) -> str:
    """A statement as it reads what a user may see.

    Raises:
        SqlError: The double cannot mask it.
    """
    names = {t.name.lower() for t in tokens if t.is_name}
    if tokens[0].key not in SELECTS or not names & {table for _, table in masks}:
        return sql
    before = ""
    if tokens[0].key == "DECLARE":
        start = next(t.end for t in tokens if t.key == "FOR")
        before, sql = sql[:start] + " ", sql[start:]
    try:
        tree = sqlglot.parse_one(sql, dialect="postgres")
    except sqlglot.errors.SqlglotError as error:
        raise SqlError("0A000", f"the double of Redshift cannot mask this: {error}") from error
    known = {cte.alias for cte in tree.find_all(exp.CTE)}
    for table in list(tree.find_all(exp.Table)):
        seen = [text for (schema, name), text in masks.items()
                if table.name.lower() == name and table.db.lower() in ("", schema)]  # fmt: skip
        if seen and (table.db or table.name not in known):
            inner = sqlglot.parse_one(seen[0], dialect="postgres")
            alias = table.alias or table.name
            table.replace(exp.Subquery(this=inner, alias=exp.to_identifier(alias, quoted=True)))
    return before + tree.sql(dialect="postgres")

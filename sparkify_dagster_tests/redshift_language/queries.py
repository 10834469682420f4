"""What Redshift's planner and types refuse of a query.

What belongs here: windows, correlated subqueries, literals without type, row values, outer joins,
and how many tables one statement may read.
https://docs.aws.amazon.com/redshift/latest/dg/r_correlated_subqueries.html
https://docs.aws.amazon.com/redshift/latest/dg/c_Window_functions.html
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from sqlglot import exp

from sparkify_dagster_tests.redshift_language.blocks import (
    BLOCKS,
    Reference,
    Tree,
    conjuncts,
    path,
)
from sparkify_dagster_tests.redshift_language.finding import Finding

MOST_TABLES = 32
_RANKS = (
    exp.RowNumber, exp.Rank, exp.DenseRank, exp.Ntile, exp.PercentRank, exp.CumeDist, exp.Lag,
    exp.Lead,
)  # fmt: skip
_OF_ONE_VALUE = (
    exp.Predicate, exp.Select, exp.Alias, exp.Distinct, exp.Func, exp.Ordered, exp.Cast,
)  # fmt: skip
# Functions of a whole partition: their windows have no order.
_WHOLE = (exp.Median, exp.PercentileCont, exp.PercentileDisc, exp.GroupConcat)
_WHOLE_NAMES = {"RATIO_TO_REPORT", "LISTAGG"}
_CORRELATED = "This type of correlated subquery pattern is not supported due to internal error"


def _windows(tree: Tree) -> Iterator[Finding]:
    for window in tree.root.find_all(exp.Window):
        function = window.this
        while isinstance(function, exp.IgnoreNulls | exp.RespectNulls | exp.WithinGroup):
            function = function.this
        words = shown(window)
        if isinstance(function, exp.Lag | exp.Lead) and function.args.get("default") is not None:
            said = "Default parameter not be supported for window function"
            yield Finding("window", words, "LAG or LEAD in COALESCE or CASE", message=said)
        if isinstance(function.this, exp.Distinct):
            said = "DISTINCT is not implemented for window functions"
            yield Finding("window", words, "count in a subquery, and join it", message=said)
        spec = window.args.get("spec")
        ordered = window.args.get("order") is not None
        rank = isinstance(function, _RANKS)
        if ordered and (isinstance(function, _WHOLE) or function.name.upper() in _WHOLE_NAMES):
            said = "ORDER BY is not supported in the window of this function"
            yield Finding("window", words, "PARTITION BY alone", message=said)
        elif isinstance(function, exp.AggFunc) and not rank and ordered and spec is None:
            said = "Aggregate window functions with an ORDER BY clause require a frame clause"
            yield Finding("window", words, "add a frame: ROWS UNBOUNDED PRECEDING", message=said)
        if rank and spec is not None:
            said = "Frame clause is not supported for this window function"
            yield Finding("window", words, "the window without a frame", message=said)
        elif spec is not None and str(spec.args.get("kind") or "ROWS").upper() != "ROWS":
            said = "RANGE clause of window functions not yet implemented"
            yield Finding("window", words, "a frame of ROWS", message=said)
    for select in tree.root.find_all(exp.Select):
        if select.args.get("windows"):
            yield Finding("window", "WINDOW", "write each window where it is used", "42601")


def _correlated(tree: Tree) -> Iterator[Finding]:
    by_query: dict[int, list[Reference]] = {}
    for reference in tree.references:
        if len(reference.chain) < 2:
            continue
        by_query.setdefault(id(reference.chain[0]), []).append(reference)
        reason = _refused(reference)
        if reason:
            yield _is_correlated(reference, reason)
    for references in by_query.values():
        if not any(_is_equated(r) for r in references) and _is_scalar(references[0].chain[0]):
            yield _is_correlated(references[0], "by no equality")
    yield from _grouped_by_subqueries(tree)
    yield from _in_aggregates(tree)


def _is_correlated(reference: Reference, reason: str) -> Finding:
    words = reference.column.sql("redshift")
    instead = f"a subquery correlated {reason}: join instead"
    return Finding("correlated subquery", words, instead, message=_CORRELATED)


def _refused(reference: Reference) -> str:
    """Why a column of an outer query may not stand there; empty where it may."""
    inner, outer = reference.chain[0], reference.chain[-1]
    if len(reference.chain) > 2:
        return "across a level"
    if _own_window(inner):
        return "with a window function in it"
    if inner.args.get("limit") or inner.args.get("offset"):
        return "with a LIMIT in it"
    child: exp.Expr = inner
    for node in path(inner, outer):
        if isinstance(node, exp.Group):
            return "in GROUP BY"
        if isinstance(node, exp.SetOperation):
            return f"with {node.key.upper()} in it"
        if isinstance(node, exp.Join | exp.From):
            on = isinstance(node, exp.Join) and child is node.args.get("on")
            return "in ON" if on else "in FROM"
        child = node
    return ""


def _own_window(block: exp.Expr) -> bool:
    walk = block.walk(prune=lambda n: n is not block and isinstance(n, BLOCKS))
    return any(isinstance(node, exp.Window) for node in walk)


def _is_equated(reference: Reference) -> bool:
    between = list(path(reference.column, reference.chain[0]))
    either = any(isinstance(node, exp.Or | exp.Not) for node in between)
    return any(isinstance(node, exp.EQ) for node in between) and not either


def _is_scalar(query: exp.Expr) -> bool:
    """Whether a query stands where one value does: not after EXISTS or IN, nor in FROM."""
    holder = query.parent
    if not isinstance(holder, exp.Subquery):
        return False
    around = holder.parent
    return not isinstance(around, exp.Exists | exp.In | exp.From | exp.Join | exp.CTE | exp.Any)


def _grouped_by_subqueries(tree: Tree) -> Iterator[Finding]:
    correlated = {id(r.chain[0]): r for r in tree.references if len(r.chain) == 2}
    for select in tree.root.find_all(exp.Select):
        group = select.args.get("group")
        if group is None:
            continue
        keys = {e.name.lower() for e in group.expressions if isinstance(e, exp.Column)}
        keys |= {e.name for e in group.expressions if isinstance(e, exp.Literal)}
        for position, item in enumerate(select.expressions, 1):
            named = item.alias_or_name.lower() in keys or str(position) in keys
            inner = [correlated[id(q)] for q in item.find_all(exp.Select) if id(q) in correlated]
            if named and inner:
                yield _is_correlated(inner[0], "in GROUP BY")


def _in_aggregates(tree: Tree) -> Iterator[Finding]:
    for within in tree.root.find_all(exp.In):
        query = within.args.get("query")
        select = query.unnest() if query is not None else None
        if not isinstance(select, exp.Select) or select.args.get("group") is None:
            continue
        kept = [e.unalias().find(exp.AggFunc) for e in select.expressions]
        if any(k is not None and not isinstance(k, exp.Min | exp.Max) for k in kept):
            words = shown(select)
            instead = "IN with an aggregate and GROUP BY: join instead"
            yield Finding("correlated subquery", words, instead, message=_CORRELATED)


def _untyped(tree: Tree) -> Iterator[Finding]:
    for query in _stored(tree.root):
        branches = list(_branches(query))
        for columns in zip(*[b.expressions for b in branches], strict=False):
            if all(_is_untyped(column) for column in columns):
                words = columns[0].sql("redshift")
                instead = f"CAST({columns[0].unalias().sql('redshift')} AS a type)"
                said = f'column "{columns[0].alias_or_name}" has type "unknown"'
                yield Finding("untyped literal", words, instead, "42804", said)


def _stored(root: exp.Expr) -> Iterator[exp.Expr]:
    """Queries whose columns others read: of CTEs, derived tables, scalar subqueries, CTAS."""
    if isinstance(root, exp.Create):
        yield root.expression
    for node in root.walk():
        if isinstance(node, exp.CTE):
            yield node.this
        elif isinstance(node, exp.Select) and node.args.get("into"):
            yield node
        elif isinstance(node, exp.In) and node.args.get("query"):
            yield node.args["query"].unnest()
        elif (
            isinstance(node, exp.Subquery)
            and isinstance(
                node.parent, exp.From | exp.Join | exp.Select | exp.Alias | exp.Binary | exp.Func
            )
            and not isinstance(node.parent, exp.SetOperation)
        ):
            yield node.this


def _branches(query: exp.Expr) -> Iterator[exp.Select]:
    plain = query.unnest()
    if isinstance(plain, exp.SetOperation):
        yield from _branches(plain.this)
        yield from _branches(plain.expression)
    elif isinstance(plain, exp.Select):
        yield plain


def _is_untyped(column: exp.Expr) -> bool:
    value = column.unalias().unnest()
    return isinstance(value, exp.Null) or (isinstance(value, exp.Literal) and value.is_string)


def _row_values(tree: Tree) -> Iterator[Finding]:
    for row in tree.root.find_all(exp.Tuple):
        parent = row.parent
        if isinstance(parent, exp.In) and row is parent.this and parent.args.get("query"):
            continue
        if isinstance(parent, _OF_ONE_VALUE):
            said = "Row constructors are not supported"
            yield Finding("row values", shown(row), "compare column by column", message=said)


def _recursive(tree: Tree) -> Iterator[Finding]:
    """https://docs.aws.amazon.com/redshift/latest/dg/r_WITH_clause.html"""
    for cte in tree.root.find_all(exp.CTE):
        within = cte.parent
        name = cte.alias.lower()
        again = any(not t.db and t.name.lower() == name for t in cte.this.find_all(exp.Table))
        if not (isinstance(within, exp.With) and within.args.get("recursive") and again):
            continue
        query = cte.this
        if not (isinstance(query, exp.Union) and not query.args.get("distinct")):
            said = "Recursive CTE only supports UNION ALL"
            yield Finding("recursive CTE", name, "UNION ALL of a start and a step", message=said)
        if not cte.args["alias"].columns:
            said = f"Recursive CTE {name} must have column aliases"
            yield Finding("recursive CTE", name, f"name its columns: {name} (…)", "42601", said)


def _full_joins(tree: Tree) -> Iterator[Finding]:
    for join in tree.root.find_all(exp.Join):
        if str(join.args.get("side") or "").upper() != "FULL" or join.args.get("using"):
            continue
        if str(join.args.get("method") or "").upper() == "NATURAL":
            continue
        parts = list(conjuncts(join.args.get("on")))
        if not parts or not all(_joins_both(part) for part in parts):
            said = "FULL JOIN is only supported with merge-joinable join conditions"
            words = f"FULL JOIN {join.this.alias_or_name}"
            yield Finding("FULL JOIN", words, "join ON equalities of both sides", message=said)


def _joins_both(part: exp.Expr) -> bool:
    if not isinstance(part, exp.EQ):
        return False
    left, right = (
        {column.table.lower() for column in side.find_all(exp.Column)}
        for side in (part.this, part.expression)
    )
    return bool(left and right) and ("" in left | right or not left & right)


def _qualify(tree: Tree) -> Iterator[Finding]:
    """Right after a table's name QUALIFY would be its alias."""
    for select in tree.root.find_all(exp.Select):
        source = select.args.get("from_")
        between = any(select.args.get(part) for part in ("joins", "where", "group", "having"))
        if select.args.get("qualify") is None or source is None or between:
            continue
        if not source.this.alias:
            said = 'syntax error at or near "QUALIFY"'
            yield Finding("QUALIFY", "QUALIFY", "give the table an alias", "42601", said)


def _many_tables(tree: Tree) -> Iterator[Finding]:
    """A rule of ours: Redshift names no limit, but nobody has seen it plan and compile so many."""
    named = [table for table in tree.root.find_all(exp.Table) if table.name]
    if len(named) > MOST_TABLES:
        words = f"{len(named)} table references"
        instead = f"ask in pieces of at most {MOST_TABLES} (a rule of ours, not of Redshift)"
        yield Finding("tables", words, instead, "54001", f"{words} in one statement: {instead}")


def shown(node: exp.Expr) -> str:
    """A node as text that fits a line."""
    text = node.sql("redshift")
    return text if len(text) <= 80 else f"{text[:79]}…"


RULES: tuple[Callable[[Tree], Iterator[Finding]], ...] = (
    _windows,
    _correlated,
    _untyped,
    _row_values,
    _full_joins,
    _recursive,
    _qualify,
    _many_tables,
)

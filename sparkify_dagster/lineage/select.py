"""Where the columns of one SELECT come from.

What belongs here: following names through the scopes of a statement. Each output column has two
kinds of origin. *Values*: the columns that its expression reads. *Decides*: the columns that only
choose, join, filter or group rows, so that another value there can put another row here.

Three things keep the second kind from naming everything; the rest is taken as it may be, never as
it is hoped to be:

* `ROW_NUMBER() OVER (PARTITION BY p ORDER BY a, b, c)` filtered by `= 1` takes one row of each `p`.
  Which rows there are hangs on `p` alone; and the `b` of the row that is taken hangs on `a` and on
  `b`, never on `c`, which is looked at only where `b` is the same.
* A LEFT JOIN whose condition covers a key of its right side neither adds nor takes away rows: only
  the columns that are read from the right side hang on it.
* Texts are ordered and joined as `x || CHR(1)`, which is as good as `x`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from sqlglot import exp, parse_one
from sqlglot.optimizer.qualify import qualify

from sparkify_dagster.lineage.origin import NONE, Origin, Ref, Refs
from sparkify_dagster.model.table import Table

DIALECT = "redshift"
_OPAQUE = (exp.TableColumn, exp.Columns, exp.PositionalColumn, exp.Dot, exp.Pivot)
"""What reads columns that it does not name one by one, as the whole row does."""


def origins(text: str, tables: Mapping[str, Table], dialect: str = DIALECT) -> dict[str, Origin]:
    """The origin of each output column of a SELECT, in its order.

    Args:
        text: The statement, its tables by their bare names.
        tables: What the statement may read, by name.

    Raises:
        sqlglot.errors.SqlglotError: It cannot be parsed, or names a column that is not there.
        ValueError: It reads columns in a way that says nothing of each.
    """
    schema: dict[str, object] = {
        name: {column.name: str(column.type) for column in table.columns}
        for name, table in tables.items()
    }
    query = qualify(parse_one(text, dialect=dialect), schema=schema, dialect=dialect)
    by_name = any(union.args.get("by_name") for union in query.find_all(exp.SetOperation))
    if by_name or query.find(*_OPAQUE):
        raise ValueError("lineage knows no whole rows, patterns of columns, pivots and BY NAME")
    found = _relation(query, {name: _stored(table) for name, table in tables.items()}, None)
    return {name: found.finished(origin) for name, origin in found.columns.items()}


@dataclass(frozen=True, slots=True)
class _Ranking:
    """A `ROW_NUMBER()` among the columns of a relation.

    Attributes:
        partition: What its partitions hang on.
        key: The columns that name a partition; None where no column does.
        order: What each term of its order reads, and the columns that are this term.
    """

    partition: Refs
    key: frozenset[str] | None
    order: list[tuple[Refs, frozenset[str]]]

    def before(self, column: str) -> Refs:
        """What chooses the value of a column in the first row of a partition."""
        if column in (self.key or ()):
            return NONE  # It is the same in all of them.
        found = NONE
        for refs, same in self.order:
            found |= refs
            if column in same:
                break
        return found


@dataclass(frozen=True, slots=True)
class _Relation:
    """What a FROM or a JOIN may name: a table, a WITH, a query in brackets.

    Attributes:
        rows: What decides which rows there are.
        key: Columns that are unique together; None where no such are known.
        counted: The tables whose rows are its rows, alone or joined, each with its key.
    """

    columns: dict[str, Origin]
    rows: Refs = NONE
    key: frozenset[str] | None = None
    rankings: dict[str, _Ranking] = field(default_factory=dict)
    counted: Mapping[str, Refs] = field(default_factory=dict)

    @property
    def all(self) -> Refs:
        """All that has a say in anything."""
        return self.whole(self.rows.union(*(origin.all for origin in self.columns.values())))

    def whole(self, refs: Refs) -> Refs:
        """The same, with the key of each table that counts but of which nothing is named."""
        named = {ref.table for ref in refs}
        return refs.union(*(key for table, key in self.counted.items() if table not in named))

    def finished(self, origin: Origin) -> Origin:
        """One of its columns with all that decides; what gives its value is not named twice."""
        every = self.whole(origin.all | self.rows)
        return Origin(origin.values, every - origin.values)

    def decided_by(self, refs: Refs) -> _Relation:
        """The same, with more that decides about every column."""
        columns = {name: origin.decided_by(refs) for name, origin in self.columns.items()}
        return replace(self, columns=columns)

    def firsts(self, ranking: _Ranking) -> _Relation:
        """The first row of each partition."""
        columns = {
            name: origin.decided_by(ranking.before(name)) for name, origin in self.columns.items()
        }
        rows = self.rows | ranking.partition
        return _Relation(columns, rows, ranking.key, counted=self.counted)


def _stored(table: Table) -> _Relation:
    columns = {name: Origin(frozenset({Ref(table.name, name)})) for name in table.column_names}
    key = frozenset(Ref(table.name, name) for name in table.key)
    return _Relation(columns, key=frozenset(table.key), counted={table.name: key})


def _relation(query: exp.Expr, known: Mapping[str, _Relation], outer: _Select | None) -> _Relation:
    """What a query gives.

    Args:
        known: The relations it may name.
        outer: The query it stands in, whose columns it may read.
    """
    query = query.unnest()
    assert isinstance(query, exp.Query)
    known = dict(known)
    for cte in query.ctes:
        known[cte.alias] = _relation(cte.this, known, outer)
    if isinstance(query, exp.SetOperation):
        left, right = (_relation(side, known, outer) for side in (query.left, query.right))
        every_row = isinstance(query, exp.Union) and not query.args.get("distinct")
        return _together(left, right, NONE if every_row else left.all | right.all)
    assert isinstance(query, exp.Select)
    return _Select(query, known, outer).relation()


def _together(left: _Relation, right: _Relation, decides: Refs) -> _Relation:
    """The rows of both, column by column."""
    columns = {
        name: Origin(mine.values | other.values, mine.decides | other.decides)
        for (name, mine), other in zip(left.columns.items(), right.columns.values(), strict=True)
    }
    counted = {**left.counted, **right.counted}
    return _Relation(columns, left.rows | right.rows | decides, counted=counted)


class _Select:
    """One SELECT: its sources by alias, and what is read from them."""

    def __init__(
        self, select: exp.Select, known: Mapping[str, _Relation], outer: _Select | None
    ) -> None:
        self._select = select
        self._known = known
        self._outer = outer
        self._sources: dict[str, _Relation] = {}
        self._counted: dict[str, Refs] = {}

    def relation(self) -> _Relation:
        """What it gives.

        Raises:
            ValueError: It has a RIGHT or a FULL JOIN.
        """
        rows, group = self._joined() | self._chosen(), self._list("group")
        named = {each.alias_or_name: each.unalias() for each in self._select.selects}
        columns = {name: self._origin(node) for name, node in named.items()}
        key = self._key(named, group)
        if self._select.args.get("distinct"):
            rows = rows.union(*(origin.all for origin in columns.values()))
            key = frozenset(named)
        return _Relation(columns, rows, key, self._rankings(named), self._counted)

    def _joined(self) -> Refs:
        """Takes in FROM, JOINs and WHERE; gives what decides which rows come of them."""
        start = self._select.args.get("from_")
        joins: list[exp.Join] = self._select.args.get("joins") or []
        if any(join.side not in ("", "LEFT") for join in joins):
            raise ValueError("lineage knows no RIGHT and no FULL JOIN; turn it into a LEFT JOIN")
        must = self._conditions("where")
        inner = [self._add(start.this)] if start else []
        for join in joins:
            if not join.side:
                inner.append(self._add(join.this))
                must += _conjuncts(join.args.get("on"))
        for alias in inner:
            must = self._firsts(alias, must)
            self._counted.update(self._sources[alias].counted)
        rows = NONE.union(*(self._sources[alias].rows for alias in inner))
        for join in joins:
            if join.side:
                rows |= self._looked_up(join)
        return rows | self._all_of(must)

    def _add(self, source: exp.Expr) -> str:
        alias = source.alias_or_name
        if isinstance(source, exp.Table):
            self._sources[alias] = self._known[source.name]
        else:
            self._sources[alias] = _relation(source, self._known, self._outer)
        return alias

    def _looked_up(self, join: exp.Join) -> Refs:
        """Takes in a LEFT JOIN; gives what of it decides about all rows."""
        alias = self._add(join.this)
        on = self._firsts(alias, _conjuncts(join.args.get("on")))
        right = self._sources[alias]
        says = right.whole(self._all_of(on) | right.rows)
        # Where it is read, all that decides which row it finds has a say.
        self._sources[alias] = right.decided_by(says)
        if right.key is not None and right.key <= _equated(on, alias):
            return NONE  # It finds one row at most.
        self._counted.update(right.counted)
        return says

    def _firsts(self, alias: str, conditions: list[exp.Expr]) -> list[exp.Expr]:
        """Does what `alias.choice = 1` among the conditions says; gives the others."""
        others = []
        for condition in conditions:
            ranking = self._is_first(alias, condition)
            if ranking is None:
                others.append(condition)
            else:
                self._sources[alias] = self._sources[alias].firsts(ranking)
        return others

    def _is_first(self, alias: str, condition: exp.Expr) -> _Ranking | None:
        if not isinstance(condition, exp.EQ) or condition.expression.sql() != "1":
            return None
        column = condition.this
        if isinstance(column, exp.Column) and column.table == alias:
            return self._sources[alias].rankings.get(column.name)
        return None

    def _chosen(self) -> Refs:
        """What decides about the rows after they were joined."""
        limit = self._list("order") if self._select.args.get("limit") else []
        conditions = [*self._conditions("having"), *self._conditions("qualify")]
        return self._all_of([*self._list("group"), *conditions, *limit])

    def _key(self, named: Mapping[str, exp.Expr], group: list[exp.Expr]) -> frozenset[str] | None:
        """The output columns by which the query groups; else the key of its only source."""
        if group:
            return _named(group, named)
        if len(self._sources) != 1:
            return None
        ((alias, source),) = self._sources.items()
        if source.key is None:
            return None
        return _named([exp.column(name, alias, quoted=True) for name in source.key], named)

    def _rankings(self, named: Mapping[str, exp.Expr]) -> dict[str, _Ranking]:
        return {
            name: self._ranking(node, named)
            for name, node in named.items()
            if isinstance(node, exp.Window) and isinstance(node.this, exp.RowNumber)
        }

    def _ranking(self, node: exp.Window, named: Mapping[str, exp.Expr]) -> _Ranking:
        partition, order = _window(node)
        return _Ranking(
            self._all_of(partition),
            _named(partition, named),
            [(self._all_of([term]), _same(term, named)) for term in order],
        )

    def _origin(self, node: exp.Expr) -> Origin:
        """The origin of an expression."""
        if isinstance(node, exp.Column):
            return self._column(node)
        if isinstance(node, exp.Query):
            found = _relation(node, self._known, self)
            values = NONE.union(*(origin.values for origin in found.columns.values()))
            return Origin(values, found.all)
        if not isinstance(node, exp.Window):
            return _joint(self._origin(child) for child in node.iter_expressions())
        partition, order = _window(node)
        if isinstance(node.this, (exp.RowNumber, exp.Rank, exp.DenseRank)):
            value = _joint(self._origin(term) for term in order)
        else:
            value = self._origin(node.this)
        return value.decided_by(self._all_of([*partition, *order]))

    def _column(self, node: exp.Column) -> Origin:
        if node.table in self._sources:
            return self._sources[node.table].columns[node.name]
        if not node.table:  # ORDER BY may name a column of the answer.
            named = {each.alias_or_name: each.unalias() for each in self._select.selects}
            return self._origin(named[node.name])
        assert self._outer is not None, f"qualify let {node.sql()} pass"
        return self._outer._column(node)

    def _all_of(self, nodes: Iterable[exp.Expr]) -> Refs:
        return _joint(self._origin(node) for node in nodes).all

    def _list(self, clause: str) -> list[exp.Expr]:
        found = self._select.args.get(clause)
        return list(found.expressions) if found else []

    def _conditions(self, clause: str) -> list[exp.Expr]:
        found = self._select.args.get(clause)
        return _conjuncts(found.this) if found else []


def _joint(found: Iterable[Origin]) -> Origin:
    each = list(found)
    return Origin(
        NONE.union(*(origin.values for origin in each)),
        NONE.union(*(origin.decides for origin in each)),
    )


def _window(node: exp.Window) -> tuple[list[exp.Expr], list[exp.Expr]]:
    """The terms of PARTITION BY and of ORDER BY."""
    order = node.args.get("order")
    return list(node.args.get("partition_by") or ()), list(order.expressions) if order else []


def _conjuncts(condition: exp.Expr | None) -> list[exp.Expr]:
    """What must hold all together."""
    if condition is None:
        return []
    condition = condition.unnest()
    if isinstance(condition, exp.And):
        return [*_conjuncts(condition.left), *_conjuncts(condition.right)]
    return [condition]


def _equated(conditions: Iterable[exp.Expr], alias: str) -> frozenset[str]:
    """The columns of a source that must equal something that is not of it."""
    found = set()
    for condition in conditions:
        if isinstance(condition, exp.EQ):
            sides = (condition.this, condition.expression)
            for mine, other in (sides, sides[::-1]):
                column = _bare(mine)
                is_mine = isinstance(column, exp.Column) and column.table == alias
                if is_mine and all(each.table != alias for each in other.find_all(exp.Column)):
                    found.add(column.name)
    return frozenset(found)


def _named(terms: Iterable[exp.Expr], named: Mapping[str, exp.Expr]) -> frozenset[str] | None:
    """Output columns that are these terms; None where a term is none of them."""
    found = [_same(term, named) for term in terms]
    return frozenset(min(names) for names in found) if all(found) else None


def _same(term: exp.Expr, named: Mapping[str, exp.Expr]) -> frozenset[str]:
    """The output columns that are this term."""
    bare = _bare(term)
    return frozenset(name for name, node in named.items() if node == bare)


def _bare(term: exp.Expr) -> exp.Expr:
    """A term of an order or of a comparison without its direction and its `|| CHR(1)`."""
    bare: exp.Expr = term.this if isinstance(term, exp.Ordered) else term
    if isinstance(bare, exp.DPipe) and isinstance(bare.expression, exp.Chr):
        bare = bare.this
    return bare

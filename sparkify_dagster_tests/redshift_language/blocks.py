"""The blocks of a parsed statement: which relations each one sees, and whose a column is.

What belongs here: reading sqlglot's trees. The rules are in `queries` and `places`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from sqlglot import exp

BLOCKS = (exp.Select, exp.Update, exp.Delete, exp.Merge)


@dataclass(frozen=True, slots=True)
class Reference:
    """A column that names its relation, and the blocks from its own out to the relation's.

    Attributes:
        chain: The innermost first; the last one holds the relation.
        relation: A table or a subquery.
    """

    column: exp.Column
    chain: list[exp.Expr]
    relation: exp.Expr


class Tree:
    """A parsed statement."""

    def __init__(self, root: exp.Expr) -> None:
        self.root = root
        self.ctes = {cte.alias.lower() for cte in root.find_all(exp.CTE)}
        self._relations: dict[int, dict[str, exp.Expr]] = {}
        self.references = list(self._find())

    def relations(self, block: exp.Expr) -> dict[str, exp.Expr]:
        """What a block reads, by the name it has there."""
        if id(block) not in self._relations:
            found: dict[str, exp.Expr] = {}
            for node in block.walk(prune=lambda n: n is not block and isinstance(n, BLOCKS)):
                if isinstance(node, exp.Table):
                    found[node.alias_or_name.lower()] = node
                elif isinstance(node, exp.Subquery) and isinstance(
                    node.parent, exp.From | exp.Join | exp.Lateral
                ):
                    found[node.alias.lower()] = node
            self._relations[id(block)] = found
        return self._relations[id(block)]

    def tables(self) -> list[exp.Table]:
        """Tables and views, without the names of CTEs."""
        return [table for table in self.root.find_all(exp.Table) if self.is_table(table)]

    def is_table(self, table: exp.Table) -> bool:
        """Whether it is no name of a CTE, and no function."""
        return bool(table.name and (table.db or table.name.lower() not in self.ctes))

    def _find(self) -> Iterator[Reference]:
        for column in self.root.find_all(exp.Column):
            name = column.table.lower()
            chain: list[exp.Expr] = []
            for block in blocks_around(column) if name else ():
                chain.append(block)
                if name in self.relations(block):
                    yield Reference(column, chain, self.relations(block)[name])
                    break


def blocks_around(node: exp.Expr) -> Iterator[exp.Expr]:
    """The blocks a node stands in, from the innermost."""
    parent = node.parent
    while parent is not None:
        if isinstance(parent, BLOCKS):
            yield parent
        parent = parent.parent


def path(inner: exp.Expr, outer: exp.Expr) -> Iterator[exp.Expr]:
    """The nodes between a block and one around it, from the inside."""
    node = inner.parent
    while node is not None and node is not outer:
        yield node
        node = node.parent


def conjuncts(condition: exp.Expr | None) -> Iterator[exp.Expr]:
    """The conditions that AND joins."""
    if condition is None:
        return
    plain = condition.unnest()
    if isinstance(plain, exp.And):
        yield from conjuncts(plain.this)
        yield from conjuncts(plain.expression)
    else:
        yield plain

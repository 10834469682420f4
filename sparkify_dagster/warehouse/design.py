"""How tables lie in a cluster: how they are distributed, sorted and encoded, and how they should.

Nothing is built beside for it: ALTER keeps rows, rights, masks and views. AWS does not say that
Redshift takes these ALTERs in a transaction, so each is sent by itself, after the transactions of a
load. They go by what the cluster tells: where one load was killed, the next one goes on.

What belongs here: what differs, and the statements that mend it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from sparkify_dagster.model.catalog import TABLES, design_version
from sparkify_dagster.model.ddl import alter_distribution, alter_encodings, alter_sort_key
from sparkify_dagster.model.table import Table
from sparkify_dagster.warehouse import ledger
from sparkify_dagster.warehouse.engine import Design, Session, Warehouse
from sparkify_dagster.warehouse.evolution import Change
from sparkify_dagster.warehouse.evolving import require_unbound


def design_changes(table: Table, found: Design) -> list[Change]:
    """What of a table lies otherwise than the model says; none: nothing.

    What the model leaves to Redshift is no difference, whatever Redshift has made of it.
    """
    said = []
    wanted, encodings = table.physical, _other_encodings(table, found)
    if _sorts_otherwise(table, found):
        now = ", ".join(found.sortkey) or "none"
        said.append(f"sort key is {now}, the model says {', '.join(wanted.sortkey)}")
    if (wanted.style, wanted.distkey) != (found.style, found.distkey):
        before, after = _spread(found.style, found.distkey), _spread(wanted.style, wanted.distkey)
        said.append(f"distribution is {before}, the model says {after}")
    if encodings:
        said.append(f"{', '.join(encodings)} encoded otherwise")
    return [Change("design", "", why) for why in said]


def make_way(warehouse: Warehouse, changes: Mapping[str, Sequence[Change]]) -> None:
    """Takes columns out of sort and distribution keys that are about to go or become others.

    Redshift drops no column by which it sorts or distributes. `redesign` gives the keys again.

    Raises:
        WarehouseError: A view of somebody is bound to such a column; nothing was changed.
    """
    moved = {name: gone for name, steps in changes.items() if (gone := _moved(steps))}
    if warehouse.engine != "redshift" or not moved:
        return

    def asked(session: Session) -> list[str]:
        require_unbound(session, moved)
        schema, designs = session.schema, session.designs()
        gone = [(name, moved[name], designs[name]) for name in moved if name in designs]
        sorts = [name for name, columns, found in gone if columns.intersection(found.sortkey)]
        spreads = [name for name, columns, found in gone if found.distkey in columns]
        return [alter_sort_key(name, schema, ()) for name in sorts] + [
            alter_distribution(name, schema, "EVEN") for name in spreads
        ]

    if statements := warehouse.read_only(asked):
        warehouse.transact(ledger.forget_design)
        warehouse.alone(lambda session: [session.execute(one) for one in statements])


def redesign(warehouse: Warehouse) -> None:
    """Has all tables lie as the model says, and notes it.

    Raises:
        WarehouseError: Redshift refuses one of the changes; what is done stays.
    """

    def work(session: Session) -> bool:
        found: Mapping[str, Design] = {}
        for statements in (_keys, _encodings):  # A column that becomes a sort key is encoded anew.
            found = session.designs()
            for name in found.keys() & TABLES.keys():
                for statement in statements(TABLES[name], found[name], session.schema):
                    session.execute(statement)
        return bool(found)

    if warehouse.alone(work):
        warehouse.transact(ledger.record_design)


def is_due(session: Session, noted: str | None) -> bool:
    """Whether nothing says that tables lie as today's model has it."""
    return session.engine == "redshift" and noted != design_version()


def _moved(steps: Sequence[Change]) -> set[str]:
    before = {step.column: step.before for step in steps if step.how == "rename"}
    return {before.get(step.column, step.column) for step in steps if step.moves}


def _keys(table: Table, found: Design, schema: str) -> Iterator[str]:
    wanted = table.physical
    if _sorts_otherwise(table, found):  # First: with an interleaved key there is no other change.
        yield alter_sort_key(table.name, schema, wanted.sortkey)
    if (wanted.style, wanted.distkey) != (found.style, found.distkey):
        yield alter_distribution(table.name, schema, wanted.style, wanted.distkey)


def _encodings(table: Table, found: Design, schema: str) -> Iterator[str]:
    if other := _other_encodings(table, found):
        yield alter_encodings(table.name, schema, other)


def _sorts_otherwise(table: Table, found: Design) -> bool:
    return bool(table.physical.sortkey) and found.sortkey != table.physical.sortkey


def _other_encodings(table: Table, found: Design) -> dict[str, str]:
    """The encodings that columns should have and have not; of new columns, none."""
    wanted = {column.name: table.encoding(column) for column in table.columns}
    return {
        name: encoding
        for name, encoding in wanted.items()
        if found.encodings.get(name, encoding) != encoding
    }


def _spread(style: str, distkey: str | None) -> str:
    return f"{style}({distkey})" if distkey else style

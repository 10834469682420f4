"""What every load works with: its limits, its store and reader, its transactions.

What belongs here: values handed through a load, and reading with them. The steps inside a
transaction are `publish`'s.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Protocol, runtime_checkable

from sparkify_dagster.core import progress
from sparkify_dagster.lake.objects import LakeObject
from sparkify_dagster.lake.reader.reader import Reader
from sparkify_dagster.lake.store.base import DEFAULT_BOUNDS, Bounds, ObjectStore
from sparkify_dagster.model.staging import STAGING_EVENTS
from sparkify_dagster.pipeline.audit import Finding
from sparkify_dagster.pipeline.phases import Phases
from sparkify_dagster.pipeline.prepare import Prepared, Read, prepare
from sparkify_dagster.pipeline.star import REBUILD_FROM
from sparkify_dagster.pipeline.suppress import NOBODY, Suppression
from sparkify_dagster.warehouse import ledger
from sparkify_dagster.warehouse.engine import Cost, Session, Warehouse
from sparkify_dagster.warehouse.ledger import NextLoad
from sparkify_dagster.warehouse.schema import create_tables


@dataclass(frozen=True, slots=True)
class Limits:
    """What bounds a load, and by what it chooses its ways.

    Attributes:
        rejects: Share of a day's (or of the catalogue's) records that may be rejected, 0 to 1.
        batch_bytes: Bytes of log objects, unpacked, that are published in one transaction, about;
            their rows are held in memory till then.
        objects: Objects that are staged by one statement; what is put together for it is let go
            before the next ones.
        bounds: How large an object may be.
        held_bytes: Memory that the rows and rejects of such a transaction may take; of a day with
            more nothing is published.
        most_rejects: Rejects that there may be in it; likewise.
        attempts: Loads of a part as it is, after which it is left alone where that is asked for.
        direct_copy: The warehouse reads log days by itself, where it can.
        rebuild_from: Share of staged rows that changed above which the star is built whole.
        history_days: How long the ledger keeps what no longer says how things stand.
    """

    rejects: float = 0.10
    batch_bytes: int = 512_000_000
    objects: int = 131_072
    bounds: Bounds = DEFAULT_BOUNDS
    held_bytes: int = 4_096_000_000
    most_rejects: int = 1_000_000
    attempts: int = 3
    direct_copy: bool = True
    rebuild_from: float = REBUILD_FROM
    history_days: int = 365


@runtime_checkable
class RemoteStore(Protocol):
    """A prefix whose objects the warehouse can reach, too."""

    def uri_of(self, key: str) -> str:
        """The full URI of an object."""
        ...

    def changed(self, objects: Sequence[LakeObject]) -> list[str]:
        """Keys of the objects that are no longer as listed."""
        ...

    def region(self) -> str:
        """Region of the bucket."""
        ...


@dataclass(frozen=True, slots=True)
class Published:
    """What a transaction wrote.

    Attributes:
        load_id: Its number in the history.
        cost: What it took, as far as the engine tells.
    """

    load_id: int
    findings: tuple[Finding, ...] = ()
    cost: Cost = field(default_factory=Cost)


@dataclass(frozen=True, slots=True)
class Loading:
    """What every load works with.

    Attributes:
        run_id: Names the run in the ledger.
        phases: Told what the load's time goes to: `read`, `wait`, `copy`, `load`, `audit`,
            `commit`.
        leave_out: Whose records are left out of log days.
    """

    warehouse: Warehouse
    store: ObjectStore
    reader: Reader
    limits: Limits = Limits()
    run_id: str = ""
    phases: Phases = field(default_factory=Phases)
    leave_out: Suppression = NOBODY

    @property
    def copied_from(self) -> RemoteStore | None:
        """The store, where the warehouse can and shall read log objects from it by itself."""
        copies = self.limits.direct_copy and self.warehouse.engine == "redshift"
        return self.store if copies and isinstance(self.store, RemoteStore) else None

    def transact(self, work: Callable[[Session], Published]) -> Published:
        """Does work in one transaction, and not again where the history shows that it was done."""
        return self.warehouse.transact(
            work, lambda session, done: ledger.holds(session, done.load_id, self.run_id)
        )

    def begin(self, session: Session, target: str) -> NextLoad:
        """Begins a transaction: makes tables that are missing; says where it stands among loads.

        Raises:
            LakeError: The forgotten people that another load has taken out since are others.
        """
        self.phases.now("load")
        create_tables(session)
        load = ledger.next_load(session, target)
        if target == STAGING_EVENTS.name:
            self.leave_out.require_searched(load, self.leave_out.forgotten.token)
        return load

    def read(
        self, read: Read, objects: Iterable[tuple[str, str]], what: str, done: int, total: int
    ) -> Prepared:
        """Reads objects within the limits, and reports how far that has come.

        Args:
            objects: The line of each in a listing, and the part it belongs to.
            what: The objects in words.
            done: How many were read before, of so many in `total`.

        Raises:
            OUT_OF_MEMORY: There is too much, or no more memory.
        """
        counted = done

        def tell(more: int) -> None:
            nonlocal counted
            counted += more
            progress.report(f"reading {what}", counted, total)

        limits = self.limits
        with self.phases.during("read"):
            return prepare(
                self.store,
                read,
                objects,
                tell,
                limits.bounds,
                limits.held_bytes,
                limits.most_rejects,
                self.leave_out,
            )

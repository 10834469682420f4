"""What a load does, and in which order: everybody who loads anything calls `load`.

1. *Plan*: the lake is listed, and held against what the ledger says is loaded.
2. *Upgrade*: where the model has changed, staging and ledger get its columns and keep their rows.
3. *Songs*: what changed in the catalogue is read and published, all of it or nothing.
4. *Days*: each log day is replaced as a whole; a bad one keeps its old rows and stops no other.
5. *Star and marts*: brought up to date with what is staged now, the good days of it.
6. *Checks* that look at the load itself, or at what it has built.
7. *Keys and encodings* of tables that lie otherwise in the cluster than the model says.
8. *Pruning*: old history goes, and what dead loads and forgotten people left behind.

Each step audits what it wrote and commits before the load says so, and what is committed stays:
whatever fails after that is told and omitted. What belongs here: just this order, and what becomes
of failures. How a step is done stands in the module of its name.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TypeVar

from sparkify_dagster.core import progress
from sparkify_dagster.core.errors import PlainError, why
from sparkify_dagster.core.memory import give_back
from sparkify_dagster.core.text import cited, count
from sparkify_dagster.lake.changes import Part, changed_parts
from sparkify_dagster.lake.errors import LakeError
from sparkify_dagster.lake.snapshot import Lake, Snapshot
from sparkify_dagster.model import marts, star
from sparkify_dagster.model.catalog import KEPT, design_version
from sparkify_dagster.model.check import Check
from sparkify_dagster.model.checks import NO_FAILED_LOADS, SCHEMA_MATCHES, all_checks
from sparkify_dagster.model.staging import STAGING_EVENTS, STAGING_SONGS
from sparkify_dagster.pipeline.audit import AuditFailed, examine_stored
from sparkify_dagster.pipeline.copy_load import load_log_days
from sparkify_dagster.pipeline.environment import ALWAYS, follow, of_star
from sparkify_dagster.pipeline.events import (
    CATALOGUE,
    MARTS,
    STAR,
    Checked,
    DaysLoaded,
    Ended,
    Event,
    FailedPart,
    Noticed,
    Omitted,
    PartResult,
    Planned,
)
from sparkify_dagster.pipeline.forget import forget, wipe
from sparkify_dagster.pipeline.load_songs import load_songs
from sparkify_dagster.pipeline.loading import Limits, Loading
from sparkify_dagster.pipeline.plan import (
    Loaded,
    Pending,
    Request,
    held_against,
    loaded,
    notices,
    pending,
)
from sparkify_dagster.pipeline.star import publish_star
from sparkify_dagster.pipeline.suppress import Suppression, user_id_field
from sparkify_dagster.pipeline.upgrade import evolve
from sparkify_dagster.warehouse import ledger
from sparkify_dagster.warehouse.design import make_way, redesign
from sparkify_dagster.warehouse.engine import Session, Warehouse

_Made = TypeVar("_Made")
_KEPT = frozenset(table.name for table in KEPT)


def load(
    request: Request, warehouse: Warehouse, lake: Lake, limits: Limits, run_id: str = ""
) -> Iterator[Event]:
    """Brings the warehouse up to date with the lake, as far as it is asked for.

    Args:
        run_id: Names the load in the ledger.

    Yields:
        What happens, as soon as it is committed; `Ended` as the last, whatever failed. An error
        that nobody foresaw is raised instead.
    """
    return _Load(request, warehouse, lake, limits, run_id).run()


@dataclass(slots=True)
class _Load:
    """One load, and what is known of it so far.

    Attributes:
        borrows: It is in an environment whose staging is production's, and brings no rows into it.
    """

    request: Request
    warehouse: Warehouse
    lake: Lake
    limits: Limits
    run_id: str
    at: str = ""
    failed: list[FailedPart] = field(default_factory=list)
    up_to_date: set[str] = field(default_factory=set)
    is_rebuilt: bool = False
    borrows: bool = False

    def run(self) -> Iterator[Event]:
        error = None
        try:
            yield from self._steps()
        except PlainError as caught:
            error = caught
            self._fails(self.at, str(caught))
        failed = yield from self._with_tries()
        yield Ended(tuple(failed), frozenset(self.up_to_date), error)

    def _steps(self) -> Iterator[Event]:
        plan = yield from self._plan()
        if plan.todo.is_nothing:
            return
        plan.held.now.require_older()
        make_way(self.warehouse, plan.held.changes)
        if plan.held.carried or not _KEPT.isdisjoint(plan.held.changes):
            evolve(self.warehouse, plan.held.carried, self.run_id)
        yield from self._forget(plan)
        yield from self._songs(plan)
        yield from self._days(plan)
        give_back()  # What reading took: the engine has its own for the star.
        yield from self._check(_of_failed_loads(plan.todo))
        yield from self._star(plan.todo, plan.snapshot)
        yield from self._check(self._of_columns())
        yield from self._redesign(plan.held)
        yield from self._prune(plan.held)
        yield from self._wipe(plan)

    def _plan(self) -> Generator[Event, None, Planned]:
        progress.report("looking at the lake")
        seen = self.lake.snapshot()
        if self.warehouse.production:
            follows = partial(follow, warehouse=self.warehouse, seen=seen)
            self.borrows = self.warehouse.transact(follows)
        snapshot, held = held_against(seen, self.warehouse)
        if snapshot.is_empty and held.is_nothing:
            raise LakeError(snapshot.emptiness)
        todo = pending(snapshot, held, self.request, self.limits.attempts)
        if self.borrows:
            todo, self.limits = of_star(todo), replace(self.limits, rebuild_from=ALWAYS)
        said = notices(self.lake, snapshot, held, todo, self.limits.attempts)
        yield from map(Noticed, said)
        plan = Planned(snapshot, held, todo)
        yield plan
        return plan

    def _forget(self, plan: Planned) -> Iterator[Event]:
        if not plan.todo.forget:
            return
        progress.report("searching for forgotten people")
        leave_out = self._leave_out(plan)
        for day in forget(self.warehouse, leave_out, plan.held.searched, self.run_id):
            yield self._part(day.entry.part, day)

    def _leave_out(self, plan: Planned) -> Suppression:
        seen = plan.snapshot
        return Suppression(seen.forgotten, user_id_field(seen.fields), plan.held.suppressed)

    def _songs(self, plan: Planned) -> Iterator[Event]:
        known, parts = plan.held.songs, plan.todo.songs
        if parts and (yield from self._load_songs(parts)):
            known = known | {part.name: part.digest for part in parts}
        if not changed_parts(plan.snapshot.songs, known):
            self.up_to_date.add(STAGING_SONGS.name)

    def _load_songs(self, parts: Sequence[Part]) -> Generator[Event, None, bool]:
        """Gives whether they were published."""
        reader = self.lake.song_reader()
        loading = Loading(self.warehouse, self.lake.songs, reader, self.limits, self.run_id)
        try:
            songs = load_songs(loading, parts, everything=self.request.reads_all)
            yield self._part(CATALOGUE, songs)
            return songs.published
        finally:
            yield from self._tried("A reader was not closed", reader.close)

    def _days(self, plan: Planned) -> Iterator[Event]:
        if not plan.todo.days:
            return
        reader = self.lake.log_reader(plan.snapshot.fields)
        given = self.warehouse, self.lake.logs, reader, self.limits, self.run_id
        loading = Loading(*given, leave_out=self._leave_out(plan))
        days: list[PartResult] = []
        try:
            for day in load_log_days(loading, plan.todo.days):
                days.append(day)
                yield self._part(day.entry.part, day)
            yield DaysLoaded(tuple(days), loading.phases.total())
        finally:
            yield from self._tried("A reader was not closed", reader.close)

    def _star(self, todo: Pending, seen: Snapshot) -> Iterator[Event]:
        if not self.request.star:
            return
        self.at = STAR
        try:
            done = publish_star(
                self.warehouse,
                self.run_id,
                rebuild=self.request.rebuilds(todo),
                rebuild_from=self.limits.rebuild_from,
                aliases=seen.aliases,
                settings=seen.settings,
            )
        except AuditFailed as error:
            self._fails(STAR, f"The star was not published. {error}")
            yield Checked(error.findings)
            return
        self.is_rebuilt = done.mode == "rebuild"
        self.up_to_date.update(table.name for table in star.STAR)
        yield done
        if done.resting:
            yield Noticed(
                f"{count(len(done.resting), 'song')} named in [S3] ALIASES is not in the "
                f"catalogue, such as {cited(done.resting[0])}: these aliases rest. "
                "Take their lines out, or leave them for when it comes."
            )
        if done.marts_failed is None:
            self.up_to_date.update(table.name for table in marts.MARTS)
            return
        yield Checked(done.marts_failed.findings)
        why_not = f"The marts were not published and stay as they were. {done.marts_failed}"
        self._fails(MARTS, why_not)

    def _of_columns(self) -> list[Check]:
        """The checks of columns, where they were asked for or all was built anew.

        Other loads go without: they refuse altered tables anyway, and each check costs an event.
        """
        wanted = all_checks() if self.is_rebuilt else self.request.checks
        return [check for check in wanted if check.name == SCHEMA_MATCHES]

    def _check(self, checks: list[Check]) -> Iterator[Event]:
        """Makes checks of what is stored, where they can be made."""
        if checks:
            make = partial(examine_stored, self.warehouse, checks)
            found = yield from self._tried("Checks were not made", make)
            yield Checked(tuple(found or ()))

    def _redesign(self, held: Loaded) -> Iterator[Event]:
        """Once all columns are there."""
        is_old = held.changes or held.now.design != design_version()
        if (
            self.warehouse.engine == "redshift"
            and is_old
            and not (held.is_nothing or self.warehouse.production)
        ):
            progress.report("distributing, sorting and encoding tables as the model says")
            missing = "Not every table lies in the cluster as the model says"
            yield from self._tried(missing, lambda: redesign(self.warehouse))

    def _prune(self, held: Loaded) -> Iterator[Event]:
        if self.borrows:  # The history is production's.
            return
        now = held.at_latest(ledger.utc_now())

        def old(session: Session) -> int:
            return ledger.prune(session, self.limits.history_days, now)

        missing = "Files of dead loads were not removed"
        yield from self._tried("Old history was not removed", lambda: self.warehouse.transact(old))
        if left := (yield from self._tried(missing, self.warehouse.clean_up)):
            yield Omitted(f"{missing}: {left}")

    def _wipe(self, plan: Planned) -> Iterator[Event]:
        """Once no table holds anything of forgotten people any more."""
        built = {table.name for table in (*star.STAR, *marts.MARTS)}
        if plan.todo.wipe and built <= self.up_to_date:
            progress.report("removing what deleted rows left in the file")
            clear = partial(wipe, self.warehouse, plan.snapshot.forgotten.token, self.run_id)
            yield from self._tried("What deleted rows left in the file was not removed", clear)

    def _part(self, name: str, result: PartResult) -> PartResult:
        if not result.published:
            self._fails(name, f"{name} was not published: {result.entry.message}")
        return result

    def _fails(self, part: str, reason: str) -> None:
        self.failed.append(FailedPart(part, reason))

    def _with_tries(self) -> Generator[Event, None, list[FailedPart]]:
        """What failed, with how often it was tried in vain as it is now."""
        if not self.failed:
            return []
        held = yield from self._tried("Tries are not counted", lambda: loaded(self.warehouse))
        if held is None:
            return self.failed
        failures = {day: [failure] for day, failure in held.failed_days.items()}
        failures[CATALOGUE] = [*held.failed_songs.values()]
        return [p.after(failures.get(p.name, ()), self.limits.attempts) for p in self.failed]

    def _tried(
        self, missing: str, make: Callable[[], _Made]
    ) -> Generator[Event, None, _Made | None]:
        """What `make` gives; None where it fails, which is no reason for the load to fail.

        Args:
            missing: What there is not then, as the beginning of a sentence.
        """
        try:
            return make()
        except Exception as error:  # Whatever it is: what is committed stays.
            text = f"{missing}: {why(error)}"
        yield Omitted(text)
        return None


def _of_failed_loads(todo: Pending) -> list[Check]:
    """The checks that look at the outcome of the loads themselves, after them."""
    loads = {STAGING_SONGS.name: todo.songs, STAGING_EVENTS.name: todo.days}
    return [c for c in all_checks() if c.name == NO_FAILED_LOADS and loads.get(c.table)]

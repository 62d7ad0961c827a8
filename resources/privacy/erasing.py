"""One erasure from beginning to end: step by step, safe to repeat, and proven by looking again.

The order lets nothing come back. The marks are written first, so that what is imported from then on
is refused; then whatever was under way before is waited for; then the records go, what was derived
from them is counted again, and the copies of what was published before go last. Each step that is
done is noted. A process that is killed anywhere leaves an erasure that the next one goes on with,
and an erasure is done only when a search of every place finds nothing.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Protocol

from sqlalchemy import text

from resources.database import Erasure
from resources.errors import ReviewGraphError
from resources.privacy import ledger_file, published
from resources.privacy.files import COPIES, OF_TENANTS, erase_files
from resources.privacy.finding import Found, find, marks_of
from resources.privacy.lake import count_rows, erase_rows, purge
from resources.privacy.ledger_file import KeptMark
from resources.privacy.own_words import WHY, Judged, count_left, is_written_all_the_time, judge
from resources.privacy.recounting import recount
from resources.privacy.registry import ELSEWHERE, TABLES
from resources.privacy.searching import Installation, Removed, as_owner, search
from resources.privacy.subjects import Marker, Sealer, Wanted
from resources.privacy.tables import blank_libraries, blank_tenant
from resources.privacy.under_way import UnderWay

MAX_ROUNDS = 3
"""How often everything is gone over when something landed in between."""

EVENT = "privacy.erased"


class NotErasedError(ReviewGraphError):
    """An erasure ended and something is left; the message names the places."""


class ErasureBusyError(ReviewGraphError):
    """Another process works on an erasure of the same tenant."""


class UnknownErasureError(ReviewGraphError):
    """There is no such erasure."""


class Graph(Protocol):
    """What an erasure needs of the graph."""

    def wait_for_runs(self, tenant_id: str) -> None:
        """Return once all runs have ended that began before and may hold the tenant's records."""

    def count_again(self, tenant_id: str) -> None:
        """Compute facts, marts, snapshot and report of a tenant from the reviews that are left."""

    def write_reports(self, tenant_id: str) -> None:
        """Write the reports that are queued for a tenant."""

    def clear_scratch(self) -> list[str]:
        """Delete what ended runs have left in the scratch folder; returns its names."""


class Eraser:
    """Carries erasures out.

    Args:
        installation: What is erased from.
        graph: What counts again.
        on_step: Told the name of each step when it is done.
    """

    def __init__(
        self,
        installation: Installation,
        graph: Graph,
        on_step: Callable[[str], object] = lambda _: None,
    ) -> None:
        self._on = installation
        self._graph = graph
        self._on_step = on_step
        self._steps: tuple[tuple[str, Callable[[UnderWay], Removed]], ...] = (
            ("rows", self._erase_rows),
            ("ledger", self._recount),
            ("database", self._erase_from_tables),
            ("numbers", self._count_again),
            ("published", self._erase_published),
            ("reports", self._write_reports),
            ("files", self._erase_files),
            ("libraries", self._erase_from_libraries),
            ("versions", self._purge),
        )

    def look(self, tenant_id: str, wanted: Wanted) -> Found:
        """What would be erased; nothing is changed."""
        marker = self._marker(tenant_id)
        marks = marks_of(wanted, marker, self._on.lake, tenant_id)
        found = find(self._on.lake, tenant_id, marks, marker)
        if wanted.review_keys:
            found.review_keys |= set(wanted.review_keys) & self._known_keys(tenant_id, wanted)
        return found

    def carry_out(
        self, tenant_id: str, erasure_id: uuid.UUID, *, run_id: str | None = None
    ) -> Erasure:
        """Carry an erasure out, or go on with one that was interrupted.

        Args:
            tenant_id: Whose reviews.
            erasure_id: The erasure.
            run_id: The Dagster run that works on it, if it is one.

        Raises:
            UnknownErasureError: There is no such erasure.
            ErasureBusyError: Another process works for the tenant.
            NotErasedError: Something was left.
        """
        with self._alone(tenant_id):
            with self._on.database.jobs() as work:
                erasure = work.erasures.get(tenant_id, erasure_id)
                if erasure is None:
                    raise UnknownErasureError(f"Tenant {tenant_id} has no erasure {erasure_id}.")
                if erasure.status == "done":
                    return erasure
                erasure = work.erasures.begin(erasure, run_id)
            try:
                return self._go_through(self._prepared(erasure))
            except Exception as error:
                # A message of a library may quote what it was given.
                said = str(error) if isinstance(error, ReviewGraphError) else type(error).__name__
                with self._on.database.jobs() as work:
                    work.erasures.fail(erasure, said)
                raise

    def reapply(self, tenant_id: str) -> Erasure | None:
        """Erase again what was erased before, after a restore; None where nothing came back."""
        kept = ledger_file.read(self._on.settings.home / ledger_file.NAME)
        own = [one for one in kept if one.tenant == tenant_id]
        with self._on.database.jobs() as work:
            for one in own:
                work.erasures.mark_all(
                    tenant_id, [one.mark], erasure_id=None, suppress=one.suppress
                )
            marks = {one.mark for one in work.erasures.marks(tenant_id)}
        marker = self._marker(tenant_id)
        found = find(self._on.lake, tenant_id, marks, marker)
        found.review_keys |= published.keys_bearing(self._on.snapshots, tenant_id, marks, marker)
        if found.is_empty:
            return None
        subject = marker.content("restore", sorted(marks))
        with self._on.database.jobs() as work:
            erasure = work.erasures.ask(
                tenant_id,
                kind="review",
                requested_by="restore",
                subject=subject,
                sealed=self._sealer(tenant_id).seal(
                    {"wanted": None, "marks": sorted(marks), "found": found.to_dict()}
                ),
            )
        return self.carry_out(tenant_id, erasure.id)

    # The way through ----------------------------------------------------------------------------

    def _prepared(self, erasure: Erasure) -> UnderWay:
        """The erasure with its marks written, so that nothing of the person lands from now on."""
        kept = self._sealer(erasure.tenant_id).open(erasure.sealed or "")
        tenant_id, marker = erasure.tenant_id, self._marker(erasure.tenant_id)
        wanted = None if kept.get("wanted") is None else Wanted.from_dict(kept["wanted"])
        found = Found.from_dict(kept["found"]) if "found" in kept else Found()
        marks = set(kept.get("marks", ()))
        if not marks and wanted is not None:
            marks = marks_of(wanted, marker, self._on.lake, tenant_id)
            found.review_keys |= set(wanted.review_keys) & self._known_keys(tenant_id, wanted)
        work_on = UnderWay(erasure, marks, found)
        with self._on.database.jobs() as work:
            for step in work.erasures.steps(erasure):
                work_on.removed[step.step] = dict(step.removed)
        self._keep(work_on)
        return work_on

    def _go_through(self, work_on: UnderWay) -> Erasure:
        done = set(work_on.removed)
        for _ in range(MAX_ROUNDS):
            self._find_all(work_on)
            if work_on.found.is_empty:
                return self._finish(work_on, self._search(work_on))
            for name, step in self._steps:
                if name not in done:
                    self._do(work_on, name, step)
            searched = self._search(work_on)
            left = [place for place, count in searched.items() if count]
            if not left:
                return self._finish(work_on, searched)
            done = set()  # something came in between: everything once more
        if all(is_written_all_the_time(place) for place in left):
            return self._finish(work_on, searched)
        raise NotErasedError(
            f"Something of the person is still in: {', '.join(sorted(left))}. Others may be "
            "writing there; let them end, then run `reviewgraph erase --resume`."
        )

    def _find_all(self, work_on: UnderWay) -> None:
        """Wait for what was under way when the marks were written, then look for everything."""
        with self._on.database.jobs() as work:
            work.erasures.while_nothing_lands(work_on.tenant_id)
        self._graph.wait_for_runs(work_on.tenant_id)
        marker = self._marker(work_on.tenant_id)
        work_on.found.add(find(self._on.lake, work_on.tenant_id, work_on.marks, marker))
        work_on.marks |= {marker.key(key) for key in work_on.found.review_keys}
        self._keep(work_on)

    def _do(self, work_on: UnderWay, name: str, step: Callable[[UnderWay], Removed]) -> None:
        removed = step(work_on)
        before = work_on.removed.get(name, {})
        total = {
            place: before.get(place, 0) + removed.get(place, 0) for place in {**before, **removed}
        }
        with self._on.database.jobs() as work:
            work.erasures.step_done(work_on.erasure, name, total)
        work_on.removed[name] = total
        self._on_step(name)

    def _keep(self, work_on: UnderWay) -> None:
        """Keep the marks for ever, and until the end what else is needed to go on."""
        erasure = work_on.erasure
        sealer = self._sealer(erasure.tenant_id)
        kept = sealer.open(erasure.sealed or "")
        kept |= {"marks": sorted(work_on.marks), "found": work_on.found.to_dict()}
        with self._on.database.jobs() as work:
            work.erasures.mark_all(
                erasure.tenant_id, work_on.marks, erasure_id=erasure.id, suppress=erasure.suppress
            )
            work_on.erasure = work.erasures.keep(erasure, sealer.seal(kept))
        ledger_file.append(
            self._on.settings.home,
            (KeptMark(erasure.tenant_id, mark, erasure.suppress) for mark in work_on.marks),
        )

    def _finish(self, work_on: UnderWay, searched: Removed) -> Erasure:
        places: Removed = {}
        for removed in work_on.removed.values():
            for place, count in removed.items():
                places[place] = places.get(place, 0) + count
        left = count_left(self._on, work_on.tenant_id, self._judged(work_on)) | {
            place: {"values": count, "why": WHY["again"]}
            for place, count in searched.items()
            if count
        }
        receipt = {
            "erased": dict(sorted(places.items())),
            "records": work_on.found.record_count,
            "reviews": len(work_on.found.review_keys),
            "searched": {place: 0 for place in sorted(searched) if not searched[place]},
            "left": dict(sorted(left.items())),
            "not_reached": {name: place.erased for name, place in ELSEWHERE.items()},
            "searched_at": datetime.now(UTC).isoformat(timespec="seconds"),
        }
        with self._on.database.jobs() as work:
            erasure = work.erasures.finish(work_on.erasure, receipt)
            work.events.add(
                EVENT,
                str(erasure.id),
                tenant_id=erasure.tenant_id,
                data={
                    "subject": erasure.subject,
                    "kind": erasure.kind,
                    "records": receipt["records"],
                    "reviews": receipt["reviews"],
                    "places": len(places),
                },
            )
        return erasure

    # The steps ----------------------------------------------------------------------------------

    def _erase_rows(self, work_on: UnderWay) -> Removed:
        removed = {f"file scratch/{name}": 1 for name in self._graph.clear_scratch()}
        return removed | erase_rows(self._on.lake, work_on.tenant_id, work_on.found)

    def _recount(self, work_on: UnderWay) -> Removed:
        with self._on.database.jobs() as work:
            recount(work, self._on.lake, work_on.tenant_id, work_on.found.days)
        return {}

    def _erase_from_tables(self, work_on: UnderWay) -> Removed:
        with self._on.database.jobs() as work:
            said = work.corrections.erase(work_on.tenant_id, work_on.found.review_keys)
            removed = {"table reviewgraph.corrections": said} if said else {}
            connection = work.session.connection()
            if work_on.is_of_person:
                forget = text("delete from reviewgraph.idempotency_keys where tenant_id = :tenant")
                if kept := connection.execute(forget, {"tenant": work_on.tenant_id}).rowcount:
                    removed["table reviewgraph.idempotency_keys"] = kept
                traces = judge(connection, work_on.tenant_id, work_on.sought).traces
                removed |= blank_tenant(connection, work_on.tenant_id, traces)
                if (self._on.settings.home / "models" / work_on.tenant_id).is_dir():
                    work.nlp_settings.use_models(work_on.tenant_id, None)
        with as_owner(self._on.database) as connection:
            for table in TABLES:
                connection.execute(text(f"vacuum reviewgraph.{table}"))
        return removed

    def _count_again(self, work_on: UnderWay) -> Removed:
        if self._holding(work_on):
            self._graph.count_again(work_on.tenant_id)
        return {}

    def _erase_published(self, work_on: UnderWay) -> Removed:
        on, tenant_id = self._on, work_on.tenant_id
        removed = published.withdraw(
            on.database, on.snapshots, on.objects, tenant_id, self._holding(work_on)
        )
        began = work_on.erasure.started_at or datetime.now(UTC)
        return removed | published.drop_unnamed(on.database, on.objects, tenant_id, began)

    def _write_reports(self, work_on: UnderWay) -> Removed:
        self._graph.write_reports(work_on.tenant_id)
        return {}

    def _erase_files(self, work_on: UnderWay) -> Removed:
        with self._on.database.jobs() as work:
            tenants = [tenant.id for tenant in work.tenants.list()]
        home = self._on.settings.home
        folders = OF_TENANTS if work_on.is_of_person else COPIES
        traces = self._judged(work_on).traces
        return erase_files(home, work_on.tenant_id, traces, tenants, folders)

    def _erase_from_libraries(self, work_on: UnderWay) -> Removed:
        traces = self._judged(work_on).traces
        with as_owner(self._on.database) as connection:
            return blank_libraries(connection, traces)

    def _purge(self, work_on: UnderWay) -> Removed:
        return purge(self._on.lake, work_on.tenant_id, work_on.found)

    # Looking again ------------------------------------------------------------------------------

    def _search(self, work_on: UnderWay) -> Removed:
        removed = [place for places in work_on.removed.values() for place in places]
        return search(
            self._on,
            work_on.tenant_id,
            work_on.found,
            traces=self._judged(work_on).traces,
            marks=work_on.marks,
            removed=removed,
        )

    def _judged(self, work_on: UnderWay) -> Judged:
        with self._on.database.jobs() as work:
            return judge(work.session.connection(), work_on.tenant_id, work_on.sought)

    def _holding(self, work_on: UnderWay) -> list[str]:
        return published.holding(
            self._on.database, self._on.snapshots, work_on.tenant_id, work_on.found.review_keys
        )

    def _known_keys(self, tenant_id: str, wanted: Wanted) -> set[str]:
        found = Found(review_keys=set(wanted.review_keys))
        counted = count_rows(self._on.lake, tenant_id, found)
        holding = published.holding(
            self._on.database, self._on.snapshots, tenant_id, found.review_keys
        )
        return set(wanted.review_keys) if any(counted.values()) or holding else set()

    def _sealer(self, tenant_id: str) -> Sealer:
        return Sealer(self._on.database.keys, tenant_id)

    def _marker(self, tenant_id: str) -> Marker:
        return Marker(self._on.database.keys, tenant_id)

    @contextmanager
    def _alone(self, tenant_id: str) -> Iterator[None]:
        """Hold the tenant's lock; the database lets it go with this process."""
        with as_owner(self._on.database) as connection:
            query = text("select pg_try_advisory_lock(hashtextextended(:name, 0))")
            if not connection.execute(query, {"name": f"erasing of {tenant_id}"}).scalar():
                raise ErasureBusyError(
                    f"Another process is erasing for tenant {tenant_id}. Wait until it has ended."
                )
            yield

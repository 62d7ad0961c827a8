"""``report_document``: HTML, PDF and XLSX of a published snapshot, branded for its tenant."""

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from uuid import UUID

import dagster as dg

from assets import catalogue, preview
from assets.failures import Failures
from assets.scope import RunScope
from resources.database import (
    Database,
    ReportDocument,
    StageRecorder,
    UsageEntry,
    WorkspaceContents,
)
from resources.database.report_records import ReportFile
from resources.errors import ReviewGraphError
from resources.metrics.narrowing import narrowed
from resources.metrics.part import Part
from resources.reporting import (
    Printer,
    ReportHeldError,
    build_report,
    period_of,
    ready_printer,
    render_html,
    write_workbook,
)
from resources.settings import Settings
from resources.storage.lake import Lake
from resources.storage.objects import ObjectStore
from resources.storage.snapshots import (
    SnapshotDamagedError,
    SnapshotMissingError,
    SnapshotStore,
)

MAX_SIDE_BY_SIDE = 2  # one report is counted and drawn while the browser prints the other
UNREADABLE = (
    "The published numbers could not be read; they are published again within minutes. Then ask "
    "for the report again."
)
MEDIA_TYPES = {
    "html": "text/html; charset=utf-8",
    "pdf": "application/pdf",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}


class NothingToReportError(ReviewGraphError):
    """The tenant has no snapshot yet."""


@dataclass(frozen=True)
class Press:
    """What it takes to make a report and to keep it.

    Attributes:
        database: Where tenants, pointers and documents are recorded.
        snapshots: Where the numbers are.
        objects: Where the files go.
        printer: The warm browser.
        recorder: What the run has to say for the ledger; the reports are dated to its beginning.
        scratch: Where the numbers of a part of a snapshot are made.
    """

    database: Database
    snapshots: SnapshotStore
    objects: ObjectStore
    printer: Printer
    recorder: StageRecorder
    scratch: Path


@dg.asset(
    deps=["tenant_snapshot"],
    **catalogue.entry("reports", "assets/reports", "resources/reporting"),
    kinds={"plotly", "python"},
    description=(
        "The report of each tenant whose numbers are new, or of each request the run answers: one "
        "HTML page with its charts, the PDF printed from it, and a workbook with the tables."
    ),
)
def report_document(
    context: dg.AssetExecutionContext,
    lake: dg.ResourceParam[Lake],
    database: dg.ResourceParam[Database],
    snapshots: dg.ResourceParam[SnapshotStore],
    objects: dg.ResourceParam[ObjectStore],
    settings: dg.ResourceParam[Settings],
    scope: RunScope,
) -> Iterator[dg.MaterializeResult[None]]:
    """Make the reports that are due; one tenant's trouble does not keep the others from theirs.

    Raises:
        TenantsFailedError: The reports of some tenants went wrong, or their snapshots before them.
    """
    documents: list[ReportDocument] = []
    held: dict[str, str] = {}
    recorder, days = StageRecorder("reported", context.run.run_id), scope.days(context)
    failures = Failures(context, database, recorder, days)
    unpublished = failures.before("published")
    with ready_printer(settings.chromium) as printer:
        press = Press(database, snapshots, objects, printer, recorder, settings.scratch_path)
        if scope.report_requests:
            for request_id in scope.report_requests:
                answer(press, UUID(request_id), documents, held, failures)
        else:
            with database.jobs() as work:
                resting = work.tenants.resting()
            due = [
                one
                for one in scope.reviewed_tenants(context, lake)
                if one not in unpublished and one not in resting
            ]
            with _made_side_by_side(press, due) as reports:
                for tenant, report in reports.items():
                    with failures.kept_apart(tenant), _holding_noted(held, tenant):
                        try:
                            documents.append(report.result())
                        except ReportHeldError as error:  # another run would find no more
                            held[tenant] = str(error)
                        with database.jobs() as work:
                            recorder.record_passed_on(work, days, [tenant])
    if held:
        context.log.warning("Reports held back: %s", held)
    yield dg.MaterializeResult(
        metadata={
            "dagster/row_count": len(documents),
            "held_back": dg.MetadataValue.json(held),
            "preview": preview.records(
                {
                    "tenant_id": document.tenant_id,
                    "title": document.title,
                    "reviews": document.review_count,
                    **{
                        file["format"]: f"{file['bytes'] / 1024:.0f} KiB" for file in document.files
                    },
                }
                for document in documents
            ),
        }
    )
    if scope.report_requests:
        failures.end_the_run(what_next="Then ask for the report again.")
    failures.end_the_run(unpublished)


def report_current(press: Press, tenant: str) -> ReportDocument:
    """Return the report of the tenant's current snapshot, made now unless it is there already."""
    with press.database.jobs() as work:
        pointer = work.snapshots.current(tenant)
        existing = work.reports.list(tenant)
    for document in existing:
        if (
            pointer is not None
            and document.request_id is None
            and document.snapshot_version == pointer.version
        ):
            return document
    return make_document(press, tenant)


def answer(
    press: Press,
    request_id: UUID,
    documents: list[ReportDocument],
    held: dict[str, str],
    failures: Failures,
) -> None:
    """Answer one report request and record how it ended."""
    with press.database.jobs() as work:
        request = work.reports.claim(failures.context.run.run_id, request_id)
    if request is None:
        return  # another run has taken it up, or it has ended
    try:
        document = make_document(
            press,
            request.tenant_id,
            first=request.period_start,
            last=request.period_end,
            workspace_id=request.workspace_id,
            request_id=request.id,
        )
    except (ReportHeldError, NothingToReportError) as error:
        held[request.tenant_id] = str(error)
        with press.database.jobs() as work:
            work.reports.hold(request, str(error))
    except (SnapshotMissingError, SnapshotDamagedError):
        held[request.tenant_id] = UNREADABLE
        with press.database.jobs() as work:
            work.reports.hold(request, UNREADABLE)
    except Exception as error:  # noqa: BLE001 - whatever it is, the other requests get answered
        reason = failures.note(request.tenant_id, error)
        with press.database.jobs() as work:
            work.reports.fail(request, reason)
    else:
        documents.append(document)
        with press.database.jobs() as work:
            work.reports.finish(request)


def make_document(
    press: Press,
    tenant_id: str,
    *,
    first: date | None = None,
    last: date | None = None,
    workspace_id: UUID | None = None,
    request_id: UUID | None = None,
) -> ReportDocument:
    """Build, render and keep a report of the tenant's current snapshot.

    It tells of no review that is older than the tenant's plan shows.

    Args:
        press: What it takes to make a report.
        tenant_id: Whose report.
        first: First day of posting to report on; the tenant's first when only ``last`` is given.
        last: Last day; the tenant's last when only ``first`` is given. All reviews, dated or not,
            when neither is.
        workspace_id: Only the reviews of this workspace.
        request_id: The report request that is answered.

    Raises:
        NothingToReportError: The tenant has no snapshot, a gate holds its numbers back, or the
            workspace is not in use any more.
        ReportHeldError: There is no review in the period.
    """
    with press.database.jobs() as work:
        tenant = work.tenants.require(tenant_id)
        choices, _ = work.tenant_settings.current(tenant_id)
        pointer = work.snapshots.current(tenant_id)
        held = work.ledger.held(tenant_id)
        contents = None
        if workspace_id is not None:
            contents = work.workspaces.contents(tenant_id, workspace_id)
    if pointer is None:
        raise NothingToReportError(
            f"Tenant {tenant_id} has no published numbers yet. Import reviews first."
        )
    if held:
        raise NothingToReportError(
            f"The numbers of {tenant_id} are held back: {held[0].error} ({held[0].day})."
        )
    if workspace_id is not None and contents is None:
        raise NothingToReportError(
            "The workspace that the report was asked for is not in use any more. Ask for one of "
            "another workspace, or of the whole tenant."
        )
    whole = press.snapshots.open(tenant_id, pointer.version)
    part = Part(contents, tenant.history_starts(press.recorder.started_at.date()))
    part = part.as_far_as_it_cuts(whole)
    if first is not None and part.first_day is not None:
        first = max(first, part.first_day)
    with narrowed(whole, part, press.scratch) as snapshot:
        if not part.is_whole and not snapshot.manifest["tables"]["reviews"]["rows"]:
            raise ReportHeldError(_why_empty(part))
        report = build_report(
            snapshot,
            tenant_name=_name_on_cover(choices.report_name or tenant.name, contents),
            colour=tenant.colour,
            period=period_of(snapshot, first, last),
            generated_at=press.recorder.started_at,
            left_out=_left_out(part),
        )
    html = render_html(report)
    content = {
        "html": html.encode(),
        "pdf": press.printer.pdf(html),
        "xlsx": write_workbook(report),
    }
    files = [_keep(press.objects, tenant_id, suffix, data) for suffix, data in content.items()]
    with press.database.jobs() as work:
        document = work.reports.add_document(
            tenant_id,
            snapshot_version=pointer.version,
            title=report.title,
            review_count=report.review_count,
            files=files,
            request_id=request_id,
            period_start=report.period.first if report.period else None,
            period_end=report.period.last if report.period else None,
            workspace_id=workspace_id,
        )
        work.usage.add_all([_usage_of(document, press.recorder)])
    return document


def _name_on_cover(tenant_name: str, contents: WorkspaceContents | None) -> str:
    if contents is None:
        return tenant_name
    return f"{tenant_name} \N{MIDDLE DOT} {contents.workspace.name}"


def _why_empty(part: Part) -> str:
    told = "No review"
    if part.contents is not None:
        told += f" of the workspace {part.contents.workspace.name!r}"
    if part.first_day is not None:
        told += f" was written from {part.first_day} on, the first day that the plan shows"
    else:
        told += " is there"
    return (
        f"{told}, so the report is held back. See which products, locations and sources belong to "
        "the workspace, and how many days of history the plan has."
    )


def _left_out(part: Part) -> list[tuple[str, str]]:
    """What a reader has to know of reviews that the report does not tell of."""
    told = []
    if part.contents is not None:
        told.append(("Workspace", part.contents.workspace.name))
    if part.first_day is not None:
        told.append(("Days of history in the plan begin", part.first_day.isoformat()))
    return told


def _usage_of(document: ReportDocument, recorder: StageRecorder) -> UsageEntry:
    """What a tenant used with a report: another attempt at the same document adds nothing."""
    return UsageEntry(
        tenant_id=document.tenant_id,
        kind="report_made",
        subject=str(document.id),
        quantity=1,
        day=recorder.started_at.date(),
        run_id=recorder.run_id,
    )


def _keep(objects: ObjectStore, tenant_id: str, suffix: str, data: bytes) -> ReportFile:
    stored = objects.put(tenant_id, data, suffix=f".{suffix}")
    return ReportFile(
        format=suffix,
        key=stored.key,
        sha256=stored.sha256,
        bytes=stored.size,
        media_type=MEDIA_TYPES[suffix],
    )


@contextmanager
def _made_side_by_side(
    press: Press, tenants: Sequence[str]
) -> Iterator[Mapping[str, Future[ReportDocument]]]:
    """The tenants' reports in the making; what has not begun when the block fails never does."""
    pool = ThreadPoolExecutor(MAX_SIDE_BY_SIDE, thread_name_prefix="report")
    try:
        yield {tenant: pool.submit(report_current, press, tenant) for tenant in tenants}
    finally:
        pool.shutdown(cancel_futures=True)


@contextmanager
def _holding_noted(held: dict[str, str], tenant: str) -> Iterator[None]:
    try:
        yield
    except NothingToReportError as error:
        held[tenant] = str(error)

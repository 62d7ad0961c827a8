"""Reports that may not be kept: taken away with their rows, and asked for again."""

from __future__ import annotations

from sqlalchemy import delete, select, update

from resources.database.report_records import ReportDocument, report_documents, report_requests
from resources.database.repository import Repository


class ReportWithdrawals(Repository):
    """Takes reports away."""

    def of_version(self, tenant_id: str, version: str) -> tuple[ReportDocument, ...]:
        """The documents that were made from a snapshot."""
        statement = select(report_documents).where(
            report_documents.c.tenant_id == tenant_id,
            report_documents.c.snapshot_version == version,
        )
        return self._all(ReportDocument, statement.order_by(report_documents.c.created_at))

    def kept_files(self, tenant_id: str, *, but: ReportDocument | None = None) -> set[str]:
        """The keys of all files that the tenant's documents name, but for one document's."""
        statement = select(report_documents).where(report_documents.c.tenant_id == tenant_id)
        return {
            file["key"]
            for document in self._all(ReportDocument, statement)
            if but is None or document.id != but.id
            for file in document.files
        }

    def withdraw(self, document: ReportDocument) -> None:
        """Strike out a document whose files are gone; what was asked for is written again."""
        self._execute(
            delete(report_documents).where(
                report_documents.c.tenant_id == document.tenant_id,
                report_documents.c.id == document.id,
            )
        )
        if document.request_id is not None:
            self._execute(
                update(report_requests)
                .where(
                    report_requests.c.tenant_id == document.tenant_id,
                    report_requests.c.id == document.request_id,
                    report_requests.c.status == "done",
                )
                .values(status="queued", attempt=0, run_id=None, finished_at=None)
            )

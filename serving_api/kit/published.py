"""Answering from a tenant's published snapshot: all of it, or the part that is asked for and shown.

A part is a workspace, or what the days of history hold that the plan shows. What an answer leaves
out is in its ETag and in the key of its copy in memory, beside the snapshot's version.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from datetime import date
from typing import Any, Protocol

from fastapi import Request
from pydantic import BaseModel
from starlette.responses import Response

from resources.metrics.part import Part
from resources.storage.snapshots import Snapshot, SnapshotMissingError
from resources.vocabulary import utc_today
from serving_api.kit.auth import AsMember, TenantSession
from serving_api.kit.caching import REVALIDATE, answer
from serving_api.kit.errors import Problem
from serving_api.kit.identifiers import identifier
from serving_api.kit.memory import tell
from serving_api.kit.permissions import Permission
from serving_api.kit.services import CurrentServices, Services

HISTORY_HEADER = "History-Starts"
"""Says from which day on reviews are shown, where the plan shows the last days alone."""

OF_HISTORY: dict[int | str, dict[str, Any]] = {
    200: {
        "headers": {
            HISTORY_HEADER: {
                "description": "Where the plan limits the days of history: the first day whose "
                "reviews are shown and counted. A review whose source gave no date has the day on "
                "which it came in.",
                "schema": {"type": "string", "format": "date"},
            }
        }
    }
}
"""The ``responses`` of a route whose answers may be cut so."""


class Answering(Protocol):
    """How a route answers from a snapshot."""

    def __call__(
        self,
        produce: Callable[[Snapshot], BaseModel],
        *,
        workspace: str | None = None,
        version: str | None = None,
        cache_control: str = REVALIDATE,
    ) -> Response:
        """Answer, from the client's copy or from memory where they hold the same.

        Args:
            produce: Computes the answer from the snapshot, or from the part of it that is shown.
            workspace: The workspace whose reviews are read; all of the tenant's if None.
            version: The snapshot version to read; the current one if None.
            cache_control: What the client may keep.

        Raises:
            Problem: ``nothing-published``, ``snapshot-gone`` or, for a workspace that is none of
                the tenant's, ``not-found``.
            SnapshotMissingError: The files of the current version are not there.
            SnapshotDamagedError: They are not what was published.
        """


def answering(permission: Permission) -> Callable[..., Coroutine[Any, Any, Answering]]:
    """A dependency: the way in which routes answer from a tenant's snapshots to who may.

    Args:
        permission: What the routes show.
    """

    async def from_snapshot(
        request: Request, session: AsMember, services: CurrentServices
    ) -> Answering:
        session.require(permission)
        return _answering(request, session, services)

    return from_snapshot


def _answering(request: Request, session: AsMember, services: CurrentServices) -> Answering:
    def answer_from(
        produce: Callable[[Snapshot], BaseModel],
        *,
        workspace: str | None = None,
        version: str | None = None,
        cache_control: str = REVALIDATE,
    ) -> Response:
        tenant_id, today = session.tenant.id, utc_today()
        part = shown_part(session, workspace, today)
        chosen = version or _current_version(session)
        # A version that was taken away, as an erasure does, is gone from memory with it.
        if version is not None and session.work.snapshots.get(tenant_id, version) is None:
            raise Problem("snapshot-gone")

        def open_and_produce() -> BaseModel:
            try:
                return produce(part.of(services.snapshots.open(tenant_id, chosen)))
            except SnapshotMissingError:
                if chosen == _current_version(session):
                    raise  # what is published is not there: waiting helps, another version not
                raise Problem("snapshot-gone") from None

        response = answer(
            request,
            services.answers,
            tenant_id=tenant_id,
            version=chosen,
            part=part.fingerprint,
            model=getattr(request.scope.get("route"), "response_model", None),
            produce=open_and_produce,
            cache_control=cache_control,
        )
        tell_of_history(session, response, today)
        tell(
            request.scope,
            principal=session.principal,
            allowances=session.allowances,
            tenant_id=tenant_id,
            version=chosen,
            follows_current=version is None,
            response=response,
            good_on=None if part.first_day is None else today,
        )
        return response

    return answer_from


def shown_part(session: TenantSession, workspace: str | None, today: date) -> Part:
    """What may be read of a tenant's reviews, of a workspace where one is named.

    Args:
        session: Who asks.
        workspace: The workspace's id, as the client gave it.
        today: From which day the days of history are counted back.

    Raises:
        Problem: ``not-found`` if the tenant has no such workspace in use.
    """
    contents = None
    if workspace is not None:
        contents = session.work.workspaces.contents(session.tenant.id, identifier(workspace))
        if contents is None:
            raise Problem("not-found", "The tenant has no such workspace in use.")
    return Part(contents, session.tenant.history_starts(today))


def tell_of_history(session: TenantSession, response: Response, today: date) -> None:
    """Say with an answer from which day on reviews are shown, where the plan limits that."""
    first_day = session.tenant.history_starts(today)
    if first_day is not None:
        response.headers[HISTORY_HEADER] = first_day.isoformat()


def require_shown(snapshot: Snapshot, last_day: date | None) -> None:
    """Go on only if some of the days up to one that a client named are shown.

    Raises:
        Problem: ``beyond-history``.
    """
    first_day = snapshot.first_day
    if first_day is not None and last_day is not None and last_day < first_day:
        raise beyond_history(first_day)


def beyond_history(first_day: date) -> Problem:
    """The problem of what was written before the first day that a plan shows."""
    return Problem(
        "beyond-history",
        f"The tenant's plan shows what was written from {first_day} on. Ask for days from then on, "
        "or for a larger plan.",
    )


def current_snapshot(
    session: TenantSession, services: Services, workspace: str | None = None
) -> Snapshot:
    """What is shown of the current snapshot, for answers that do not follow from it alone.

    Raises:
        Problem: ``nothing-published``; ``not-found`` if there is no such workspace.
        SnapshotMissingError: The files of the current version are not there.
        SnapshotDamagedError: They are not what was published.
    """
    part = shown_part(session, workspace, utc_today())
    return part.of(services.snapshots.open(session.tenant.id, _current_version(session)))


def _current_version(session: TenantSession) -> str:
    current = session.work.snapshots.current(session.tenant.id)
    if current is None:
        raise Problem("nothing-published")
    return current.version

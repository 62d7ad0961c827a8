"""Answering from a tenant's published snapshot."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any, Protocol

from fastapi import Request
from pydantic import BaseModel
from starlette.responses import Response

from resources.storage.snapshots import Snapshot, SnapshotMissingError
from serving_api.kit.auth import AsMember, TenantSession
from serving_api.kit.caching import REVALIDATE, answer
from serving_api.kit.errors import Problem
from serving_api.kit.memory import tell
from serving_api.kit.permissions import Permission
from serving_api.kit.services import CurrentServices, Services


class Answering(Protocol):
    """How a route answers from a snapshot."""

    def __call__(
        self,
        produce: Callable[[Snapshot], BaseModel],
        *,
        version: str | None = None,
        cache_control: str = REVALIDATE,
    ) -> Response:
        """Answer, from the client's copy or from memory where they hold the same.

        Args:
            produce: Computes the answer from the snapshot.
            version: The snapshot version to read; the current one if None.
            cache_control: What the client may keep.

        Raises:
            Problem: ``nothing-published`` or ``snapshot-gone``.
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
        version: str | None = None,
        cache_control: str = REVALIDATE,
    ) -> Response:
        tenant_id = session.tenant.id
        chosen = version or _current_version(session)
        # A version that was taken away, as an erasure does, is gone from memory with it.
        if version is not None and session.work.snapshots.get(tenant_id, version) is None:
            raise Problem("snapshot-gone")

        def open_and_produce() -> BaseModel:
            try:
                return produce(services.snapshots.open(tenant_id, chosen))
            except SnapshotMissingError:
                if chosen == _current_version(session):
                    raise  # what is published is not there: waiting helps, another version not
                raise Problem("snapshot-gone") from None

        response = answer(
            request,
            services.answers,
            tenant_id=tenant_id,
            version=chosen,
            model=getattr(request.scope.get("route"), "response_model", None),
            produce=open_and_produce,
            cache_control=cache_control,
        )
        tell(
            request.scope,
            principal=session.principal,
            allowances=session.allowances,
            tenant_id=tenant_id,
            version=chosen,
            follows_current=version is None,
            response=response,
        )
        return response

    return answer_from


def current_snapshot(session: TenantSession, services: Services) -> Snapshot:
    """The tenant's current snapshot, for answers that do not follow from it alone.

    Raises:
        Problem: ``nothing-published``.
        SnapshotMissingError: The files of the current version are not there.
        SnapshotDamagedError: They are not what was published.
    """
    return services.snapshots.open(session.tenant.id, _current_version(session))


def _current_version(session: TenantSession) -> str:
    current = session.work.snapshots.current(session.tenant.id)
    if current is None:
        raise Problem("nothing-published")
    return current.version

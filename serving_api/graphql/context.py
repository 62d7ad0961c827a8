"""What resolvers stand on during one request: who asks, and one unit of work at a time."""

from __future__ import annotations

from contextlib import ExitStack
from types import TracebackType
from typing import Self

from resources.database import User
from resources.storage.snapshots import Snapshot
from serving_api.graphql.batches import Batches
from serving_api.graphql.limits import Budget
from serving_api.kit.auth import TenantSession, UserSession, member_session, user_work
from serving_api.kit.published import current_snapshot
from serving_api.kit.services import Services
from serving_api.kit.tokens import Principal
from serving_api.tenants.schemas import TenantOfUser
from serving_api.tenants.service import tenants_of


class Context:
    """One request.

    Resolvers run one after the other, a field with all below it before the next: a unit of work
    that sees one tenant is closed before one that sees another is opened, so that a request holds
    one connection whatever it asks for, and no transaction ever sees two tenants.

    Args:
        services: What it is answered from.
        principal: Who asks.

    Attributes:
        batches: What was read for several items at once.
        budget: How much may still be read.
    """

    def __init__(self, services: Services, principal: Principal) -> None:
        self.services = services
        self.batches = Batches()
        self.budget = Budget()
        self._principal = principal
        self._stack = ExitStack()
        self._session: TenantSession | None = None
        self._snapshots: dict[tuple[str, str | None], Snapshot] = {}
        self._user: User | None = None

    def __enter__(self) -> Self:
        """Find out whether who asks may still ask at all.

        Raises:
            Problem: ``unauthenticated``; ``insufficient-scope`` for a key that may not read its
                tenant.
        """
        try:
            if self._principal.tenant_id is not None:  # an API key, which acts within its tenant
                self.session(self._principal.tenant_id).require("tenant:read")
            else:
                self._user = self._asking_user()
        except BaseException:
            self._close()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._close()

    @property
    def user(self) -> User:
        """The asking user.

        Raises:
            Problem: ``insufficient-scope`` for an API key, which is nobody.
        """
        if self._user is None:
            self._close()
            self._user = self._asking_user()
        return self._user

    @property
    def current(self) -> TenantSession:
        """The session of the tenant whose fields are being answered."""
        if self._session is None:
            raise RuntimeError("fields of a tenant are answered below a tenant")
        return self._session

    def session(self, tenant_id: str) -> TenantSession:
        """A session of a tenant, open until another tenant is asked about.

        Raises:
            Problem: ``not-found`` if there is no such tenant for who asks.
        """
        if self._session is None or self._session.tenant.id != tenant_id:
            self._close()
            self._session = self._stack.enter_context(
                member_session(self.services, self._principal, tenant_id)
            )
        return self._session

    def tenants(self) -> list[TenantOfUser]:
        """The tenants of the asking user."""
        self._close()
        with user_work(self.services, self._principal) as (work, user):
            return tenants_of(UserSession(self._principal, user, work))

    def snapshot(self, session: TenantSession, workspace: str | None = None) -> Snapshot:
        """What is shown of the current snapshot, the same one for all fields of a request.

        Raises:
            Problem: ``nothing-published``; ``not-found`` if there is no such workspace.
        """
        key = (session.tenant.id, workspace)
        if key not in self._snapshots:
            self._snapshots[key] = current_snapshot(session, self.services, workspace)
        return self._snapshots[key]

    def _asking_user(self) -> User:
        with user_work(self.services, self._principal) as (_, user):
            return user

    def _close(self) -> None:
        self._session = None
        self._stack.close()

"""What the application stands on while it runs, in one place that every request can reach."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request

from resources.database import Database
from resources.storage.lake import Lake
from resources.storage.objects import ObjectStore
from resources.storage.snapshots import SnapshotStore
from serving_api.kit.caching import AnswerCache, KeptBody
from serving_api.kit.key_checks import KeyChecks
from serving_api.kit.keyring import KeyRing
from serving_api.kit.limits import Allowances
from serving_api.kit.memory import Memory
from serving_api.kit.paging import Cursors
from serving_api.kit.tokens import Tokens


@dataclass(frozen=True)
class Services:
    """The resources below the application, and its own parts that outlive a request.

    Attributes:
        database: Identity, tenants, and what people ask for.
        snapshots: Numbers and reviews.
        lake: What snapshots do not hold: earlier versions of reviews, and rows that were rejected.
        objects: Files of reports.
        answers: Kept answers from snapshots.
        keyring: The keys of access tokens.
        tokens: Signs and reads access tokens.
        key_checks: Reads API keys.
        cursors: Signs and reads cursors.
        allowances: How many more requests who asks may send.
        memory: What needs not be asked or decided again.
        requests_per_minute: How many requests one user or key may send.
    """

    database: Database
    snapshots: SnapshotStore
    lake: Lake
    objects: ObjectStore
    keyring: KeyRing
    answers: AnswerCache[KeptBody]
    tokens: Tokens
    key_checks: KeyChecks
    cursors: Cursors
    allowances: Allowances
    memory: Memory
    requests_per_minute: int


def services_of(request: Request) -> Services:
    """The services of the application that serves this request."""
    services: Services = request.app.state.services
    return services


async def current_services(request: Request) -> Services:
    """Dependency form of :func:`services_of`."""
    return services_of(request)


CurrentServices = Annotated[Services, Depends(current_services)]

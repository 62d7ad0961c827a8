"""How often somebody may fail to prove who one is, in layers, before anything costly is done.

Every attempt is counted before it is checked and given back when it was right, so that attempts at
the same moment in several workers cannot pass the limits together. Who is attacked from everywhere
still gets in from a device that got in before: its attempts are counted by themselves.

Limits are counted in PostgreSQL; when it does not answer nobody is let through (503).
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass

from resources.database import Database, UnitOfWork
from resources.keys import Keys
from serving_api.identity.devices import Devices
from serving_api.kit.errors import Problem
from serving_api.kit.proxies import network_of

SECONDS = 15 * 60
MAX_FAILURES_OF_ACCOUNT_AND_CLIENT = 10
MAX_FAILURES_OF_DEVICE = 10
MAX_FAILURES_OF_ACCOUNT = 50
MAX_FAILURES_OF_CLIENT = 100
MAX_FAILURES = 5_000
MAX_WRONG_PROOFS = 5
MAX_DEPARTURES_OF_CLIENT = 60

MAX_MAILS_OF_ADDRESS = 3
MAX_MAILS_OF_CLIENT = 20
MAIL_SECONDS = 60 * 60


@dataclass(frozen=True)
class Attempt:
    """Somebody who wants to prove who one is.

    Attributes:
        email: The address that was given.
        client: The address that the request comes from.
        device: What a device was given that got in before, if anything.
    """

    email: str
    client: str
    device: str | None = None


@dataclass(frozen=True)
class Layer:
    """One of the limits that an attempt is counted by.

    Attributes:
        name: What is counted, unreadable where it is of somebody.
        limit: How often it may fail.
        seconds: In which time.
    """

    name: str
    limit: int
    seconds: int = SECONDS


Counted = tuple[Layer, ...]
"""The layers by which an attempt was counted."""


class Limits:
    """Counts attempts.

    Each method counts an attempt and returns by which layers, for :meth:`give_back`; or raises the
    problem ``too-many-requests``, whoever is meant and whether or not there is such a user.

    Args:
        database: Where they are counted.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._keys = database.keys
        self._devices = Devices(database.keys)

    def log_in(self, attempt: Attempt) -> Counted:
        """Count an attempt to log in."""
        account = _disguised(self._keys, attempt.email)
        device = self._devices.id_of(attempt.device, attempt.email)
        if device is not None:
            return self._count(Layer(f"log-in:device:{account}:{device}", MAX_FAILURES_OF_DEVICE))
        client = network_of(attempt.client)
        return self._count(
            Layer(f"log-in:{account}:{client}", MAX_FAILURES_OF_ACCOUNT_AND_CLIENT),
            Layer(f"log-in:{account}", MAX_FAILURES_OF_ACCOUNT),
            Layer(f"log-in:client:{client}", MAX_FAILURES_OF_CLIENT),
            Layer("log-in", MAX_FAILURES),
        )

    def proof(self, user_id: uuid.UUID) -> Counted:
        """Count a password or code that a known user is asked for."""
        return self._count(Layer(f"proof:{user_id}", MAX_WRONG_PROOFS))

    def mail(self, email: str, client: str, *, within: UnitOfWork | None = None) -> Counted:
        """Count a mail that a stranger has sent to an address; nobody gives it back.

        Args:
            email: The address.
            client: Where the stranger is.
            within: The transaction that sends the mail, where there is one already.
        """
        account = _disguised(self._keys, email)
        layers = (
            Layer(f"mail:{account}", MAX_MAILS_OF_ADDRESS, MAIL_SECONDS),
            Layer(f"mail:client:{network_of(client)}", MAX_MAILS_OF_CLIENT, MAIL_SECONDS),
        )
        if within is None:
            return self._count(*layers)
        _take(within, layers)
        return layers

    def departure(self, client: str) -> Counted:
        """Count somebody who is sent to an identity provider; nobody gives it back."""
        network = network_of(client)
        return self._count(Layer(f"departure:client:{network}", MAX_DEPARTURES_OF_CLIENT))

    def give_back(self, counted: Counted) -> None:
        """Take an attempt out of the count, for it was right."""
        with self._database.work(None) as work:
            for layer in counted:
                work.rate_limits.give_back(layer.name, seconds=layer.seconds)

    def _count(self, *layers: Layer) -> Counted:
        # All in one transaction: what a later layer refuses, the earlier ones have not counted.
        with self._database.work(None) as work:
            _take(work, layers)
        return layers


def _take(work: UnitOfWork, layers: Counted) -> None:
    for layer in layers:
        verdict = work.rate_limits.take(layer.name, limit=layer.limit, seconds=layer.seconds)
        if not verdict.allowed:
            raise Problem("too-many-requests", headers={"Retry-After": str(verdict.retry_after)})


def _disguised(keys: Keys, email: str) -> str:
    """An address as it stands in the name of a limit: one for each spelling, and unreadable."""
    return keys.sign("name of a limit", email.strip().lower().encode()).hex()[:32]

"""How often somebody may fail to prove who one is, in layers, before anything costly is done.

Every attempt is counted before it is checked and given back when it was right, so that attempts at
the same moment in several workers cannot pass the limits together. Who is attacked from everywhere
still gets in from a device that got in before: its attempts are counted by themselves.

Limits are counted in PostgreSQL; when it does not answer nobody is let through (503).
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import Literal

from resources.database import Database, UnitOfWork
from resources.database.one_time_tokens import MAX_LIFETIMES
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
MAIL_SECONDS = int(MAX_LIFETIMES["reset_password"].total_seconds())
"""While an address is mailed no more, a link that it was mailed before works still."""

MAX_MAILS_OF_CLIENT = 20
MAIL_SECONDS_OF_CLIENT = 60 * 60

MailKind = Literal["registration", "forgotten password", "new address"]
"""What mails are counted apart by: who is flooded with one kind gets the others all the same."""

MAX_MAILS_IN_A_DAY = 500
"""Of all kinds, to one address: more than the other limits let through, so that none is refused."""
DAY_SECONDS = 24 * 60 * 60


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

    def may_mail(self, kind: MailKind, email: str, client: str) -> bool:
        """Count a mail that a stranger asks for; whether it may go out to the address.

        A stranger who has asked too often for others is refused. That an address was mailed often
        enough is told nobody: else whoever floods it would have its owner refused, too.

        Args:
            kind: What the mail is about.
            email: The address.
            client: Where the stranger is.

        Raises:
            Problem: ``too-many-requests`` for the stranger.
        """
        with self._database.work(None) as work:
            _take(work, (_mails_from(client),))
            to = self._mails_to(kind, email)
            if not work.rate_limits.take(to.name, limit=to.limit, seconds=to.seconds).allowed:
                return False
            _take(work, (self._mails_in_a_day(email),))
            return True

    def mail(self, kind: MailKind, email: str, client: str, *, within: UnitOfWork) -> None:
        """Count a mail that a known user has sent to an address, in the transaction that sends it.

        Raises:
            Problem: ``too-many-requests``.
        """
        layers = (self._mails_to(kind, email), _mails_from(client), self._mails_in_a_day(email))
        _take(within, layers)

    def mail_was_read(self, kind: MailKind, email: str, *, within: UnitOfWork) -> None:
        """Count the mails to an address from nothing: its owner has used a link in one."""
        to = self._mails_to(kind, email)
        within.rate_limits.forget(to.name, seconds=to.seconds)

    def _mails_to(self, kind: MailKind, email: str) -> Layer:
        name = f"mail:{kind}:{_disguised(self._keys, email)}"
        return Layer(name, MAX_MAILS_OF_ADDRESS, MAIL_SECONDS)

    def _mails_in_a_day(self, email: str) -> Layer:
        return Layer(mails_to(self._keys, email), MAX_MAILS_IN_A_DAY, DAY_SECONDS)

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


def _mails_from(client: str) -> Layer:
    name = f"mail:client:{network_of(client)}"
    return Layer(name, MAX_MAILS_OF_CLIENT, MAIL_SECONDS_OF_CLIENT)


def mails_to(keys: Keys, email: str) -> str:
    """The limit that counts the mails to an address that others chose, of whatever kind."""
    return f"mails:{_disguised(keys, email)}"


def _take(work: UnitOfWork, layers: Counted) -> None:
    for layer in layers:
        verdict = work.rate_limits.take(layer.name, limit=layer.limit, seconds=layer.seconds)
        if not verdict.allowed:
            raise Problem("too-many-requests", headers={"Retry-After": str(verdict.retry_after)})


def _disguised(keys: Keys, email: str) -> str:
    """An address as it stands in the name of a limit: one for each spelling, and unreadable."""
    return keys.sign("name of a limit", email.strip().lower().encode()).hex()[:32]

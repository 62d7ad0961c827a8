"""Checking passwords beside everything else: a few at a time, and no long queue before them.

A check takes 64 MiB and most of a core for a fifth of a second, on purpose. So it has threads of
its own, which give way to others, and whoever would have to wait long is told so at once.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import threading
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TypeVar

from resources.database import Database, User
from resources.database.users import prepare_hashing
from serving_api.identity.limits import Attempt, Limits
from serving_api.kit.errors import Problem

MAX_WORKERS = 2
"""How many are checked at once, and how many connections to the database that takes."""

MAX_ATTEMPTS = 8
"""How many attempts may be under way at once, being checked or waiting for it."""

MAX_ATTEMPTS_OF_ONE_ADDRESS = 3
"""How many of them may be for the same user, so that who is attacked alone keeps nobody out."""

Result = TypeVar("Result")

_RETRY_SECONDS = "2"
_LESS_URGENT, _LEAST_URGENT = 5, 19  # as nice(1) counts


@dataclass(frozen=True)
class Proven:
    """Somebody who has given the right password.

    Attributes:
        user: Who it is.
        needs_code: Whether a code is asked for as well.
    """

    user: User
    needs_code: bool


class PasswordChecks:
    """Finds the user of an address and a password, and does what else has to hash one.

    Args:
        database: Where the users are.
        cores: The cores of this machine; half of them are left to other requests.

    Attributes:
        database: Where the users are.
        limits: How often somebody may fail.
    """

    def __init__(self, database: Database, cores: int) -> None:
        self.limits = Limits(database)
        self.database = database
        self._pool = ThreadPoolExecutor(
            max(1, min(MAX_WORKERS, cores // 2)), "passwords", initializer=_give_way
        )
        self._under_way: Counter[str] = Counter()
        self._lock = threading.Lock()
        self._pool.submit(prepare_hashing)  # else the first attempt would take longer

    async def user_of(self, attempt: Attempt, password: str) -> Proven | None:
        """The active user whose address and password these are, if there is one.

        Raises:
            Problem: ``too-many-requests`` while too many attempts are under way, or after too many
                that failed, whether or not there is such a user.
        """
        return await self.run(attempt.email, lambda: self._check(attempt, password))

    async def run(self, whose: str, work: Callable[[], Result]) -> Result:
        """Do something that takes a password's time, when its turn comes.

        Args:
            whose: An address or a user's id: what many ask for at once of one keeps out no other.
            work: What to do; it may hold one connection to the database at a time.

        Raises:
            Problem: ``too-many-requests`` while too much is under way; what ``work`` raises.
        """
        name = whose.strip().lower()
        self._admit(name)
        try:
            check = self._pool.submit(work)
        except BaseException:
            self._release(name)
            raise
        # The place belongs to the check and not to whoever waits: hanging up does not free it.
        check.add_done_callback(lambda _: self._release(name))
        return await asyncio.wrap_future(check)

    def close(self) -> None:
        """Take no more, and let go of those that wait."""
        self._pool.shutdown(wait=True, cancel_futures=True)

    def _check(self, attempt: Attempt, password: str) -> Proven | None:
        counted = self.limits.log_in(attempt)
        with self.database.work(None) as work:
            user = work.users.verify_password(attempt.email, password)
            if user is None:
                return None
            work.act_as(user.id)
            proven = Proven(user, work.second_factors.is_asked_of(user.id))
        self.limits.give_back(counted)
        return proven

    def _admit(self, address: str) -> None:
        with self._lock:
            if (
                self._under_way.total() >= MAX_ATTEMPTS
                or self._under_way[address] >= MAX_ATTEMPTS_OF_ONE_ADDRESS
            ):
                raise Problem("too-many-requests", headers={"Retry-After": _RETRY_SECONDS})
            self._under_way[address] += 1

    def _release(self, address: str) -> None:
        with self._lock:
            self._under_way[address] -= 1
            if not self._under_way[address]:
                del self._under_way[address]


def _give_way() -> None:
    """Let this thread, and those that hashing starts from it, work when others do not need to."""
    thread = threading.get_native_id()
    with contextlib.suppress(OSError, AttributeError):  # where a system knows no such thing
        urgency = os.getpriority(os.PRIO_PROCESS, thread)
        os.setpriority(os.PRIO_PROCESS, thread, min(urgency + _LESS_URGENT, _LEAST_URGENT))

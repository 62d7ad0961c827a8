"""Circuit breakers: who calls a service that is down is told so at once instead of waiting.

They are written by hand: the libraries for it know either threads or asyncio and not both, and none
of them counts a call that has not come back yet. A service that is slow would keep its callers for
as long as their time limit lasts before anything could be counted; here calls that are under way
for too long count as failures while they last.

A breaker belongs to one process.
"""

from __future__ import annotations

import threading
import time
from asyncio import CancelledError
from collections import OrderedDict, deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Literal

from resources.errors import ReviewGraphError

BreakerState = Literal["closed", "open", "half-open"]

MAX_FAILURES = 5
"""As many failures within ``WINDOW_SECONDS`` open a breaker, if they are half of all calls."""
MIN_SHARE = 0.5
_MAX_NOTED = 1000  # calls within the window that are looked back at
WINDOW_SECONDS = 30.0
OPEN_SECONDS = 10.0
"""After so long one call is let through, to see whether the service is back."""
SLOW_SECONDS = 5.0
"""A call that takes longer counts as a failure, also while it lasts."""

MAX_MEMBERS = 1000
"""Addresses of one kind whose breakers are remembered."""
_WORST_FIRST: tuple[BreakerState, ...] = ("open", "half-open", "closed")

MIN_RETRIES = 10.0
"""Retries that are always left to a service that is hardly called."""
RETRIES_PER_CALL = 0.2
"""What each call that succeeds adds to the retries that may be made."""
MAX_RETRIES = 20.0


class ServiceDownError(ReviewGraphError):
    """A service has failed so often that it is not asked for a while."""


@dataclass(eq=False)
class Breaker:
    """One service's breaker, shared by all threads that call it.

    Attributes:
        name: The service, as figures and messages name it.
        slow_seconds: How long a call may take before it counts as a failure.
        clock: Seconds that only grow.
    """

    name: str
    slow_seconds: float = SLOW_SECONDS
    clock: Callable[[], float] = time.monotonic
    _ended: deque[tuple[float, bool]] = field(default_factory=lambda: deque(maxlen=_MAX_NOTED))
    _late_at: dict[int, float] = field(default_factory=dict)
    _opened_at: float | None = None
    _is_trying: bool = False
    _calls: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def state(self) -> BreakerState:
        """Whether calls are let through."""
        with self._lock:
            self._look()
            return self._state()

    @property
    def under_way(self) -> int:
        """How many calls have not come back yet."""
        with self._lock:
            return len(self._late_at)

    @contextmanager
    def call(
        self, *failures: type[BaseException], slow_seconds: float | None = None
    ) -> Iterator[None]:
        """Call the service within the block.

        Args:
            *failures: Errors that say that the service is not well. Others, such as a refusal,
                say that it answers.
            slow_seconds: How long this call may take, where it is not what calls usually may.

        Raises:
            ServiceDownError: The breaker is open.
        """
        number, late_at = self._enter(self.slow_seconds if slow_seconds is None else slow_seconds)
        failed: bool | None = True  # whatever ends the block that is not known to be an answer
        try:
            yield
            failed = False
        except (CancelledError, ServiceDownError):
            failed = None  # nobody waited for the answer, which says nothing of the service
            raise
        except BaseException as error:
            failed = isinstance(error, failures) or not isinstance(error, Exception)
            raise
        finally:
            self._leave(number, self.clock() > late_at or failed)

    def _enter(self, slow_seconds: float) -> tuple[int, float]:
        with self._lock:
            self._look()
            state = self._state()
            if state == "open" or (state == "half-open" and self._is_trying):
                raise ServiceDownError(
                    f"{self.name} does not answer, and is asked again in a few seconds."
                )
            self._is_trying = state == "half-open"
            self._calls += 1
            self._late_at[self._calls] = self.clock() + slow_seconds
            return self._calls, self._late_at[self._calls]

    def _leave(self, number: int, failed: bool | None) -> None:
        with self._lock:
            del self._late_at[number]
            was_trial = self._state() == "half-open"
            self._is_trying = False if was_trial else self._is_trying
            if failed is None:
                return
            self._ended.append((self.clock(), failed))
            if was_trial and failed:
                self._opened_at = self.clock()
            elif was_trial:
                self._opened_at = None
                self._ended.clear()
            self._look()

    def _look(self) -> None:
        """Open if there are too many failures, those under way for too long among them."""
        now = self.clock()
        while self._ended and self._ended[0][0] < now - WINDOW_SECONDS:
            self._ended.popleft()
        slow = sum(late_at < now for late_at in self._late_at.values())
        failures = slow + sum(failed for _, failed in self._ended)
        is_much = failures >= MIN_SHARE * (len(self._ended) + slow)
        if self._opened_at is None and failures >= MAX_FAILURES and is_much:
            self._opened_at = now

    def _state(self) -> BreakerState:
        if self._opened_at is None:
            return "closed"
        return "open" if self.clock() - self._opened_at < OPEN_SECONDS else "half-open"


@dataclass(eq=False)
class RetryBudget:
    """How often a service may be asked again: in proportion to what succeeds.

    Retries help against a fault of one call. Where all calls fail they only multiply the load.

    Attributes:
        left: Retries that may be made now.
    """

    left: float = MIN_RETRIES
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def succeeded(self) -> None:
        """Note a call that succeeded."""
        with self._lock:
            self.left = min(MAX_RETRIES, self.left + RETRIES_PER_CALL)

    def take(self) -> bool:
        """Whether one more retry may be made; it is counted."""
        with self._lock:
            if self.left < 1:
                return False
            self.left -= 1
            return True


@dataclass(eq=False)
class BreakerGroup:
    """A breaker for each of many addresses that do the same for different customers.

    One that is down keeps nobody from another. Figures and ``/readyz`` tell of the whole group
    alone: the names of customers' providers are not for everybody who asks.

    Attributes:
        name: What is behind the addresses, as figures name it.
        slow_seconds: How long a call may take before it counts as a failure.
        max_members: As many addresses are remembered; the one that was not called for the longest
            is forgotten first, which closes its breaker.
        clock: Seconds that only grow.
    """

    name: str
    slow_seconds: float = SLOW_SECONDS
    max_members: int = MAX_MEMBERS
    clock: Callable[[], float] = time.monotonic
    _members: OrderedDict[str, Breaker] = field(default_factory=OrderedDict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def of(self, address: str) -> Breaker:
        """The breaker of one address."""
        with self._lock:
            breaker = self._members.get(address)
            if breaker is None:
                breaker = self._members[address] = Breaker(address, self.slow_seconds, self.clock)
                if len(self._members) > self.max_members:
                    self._members.popitem(last=False)
            self._members.move_to_end(address)
            return breaker

    @property
    def state(self) -> BreakerState:
        """The worst state that one of the breakers is in."""
        with self._lock:
            states = {breaker.state for breaker in self._members.values()}
        return next(state for state in _WORST_FIRST if state in {*states, "closed"})


_breakers: dict[str, Breaker | BreakerGroup] = {}
_making = threading.Lock()


def breaker_of(service: str, *, slow_seconds: float = SLOW_SECONDS) -> Breaker:
    """The breaker of a service in this process."""
    with _making:
        found = _breakers.setdefault(service, Breaker(service, slow_seconds))
    assert isinstance(found, Breaker)  # noqa: S101 - names are ours
    return found


def breakers_of(services: str, *, slow_seconds: float = SLOW_SECONDS) -> BreakerGroup:
    """The breakers, by address, of services of one kind in this process."""
    with _making:
        found = _breakers.setdefault(services, BreakerGroup(services, slow_seconds))
    assert isinstance(found, BreakerGroup)  # noqa: S101 - names are ours
    return found


def all_breakers() -> list[Breaker | BreakerGroup]:
    """Every breaker and group of breakers of this process, by name."""
    with _making:
        return [_breakers[name] for name in sorted(_breakers)]

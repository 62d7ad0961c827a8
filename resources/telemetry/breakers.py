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
from collections import deque
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
    _under_way: dict[int, float] = field(default_factory=dict)
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

    @contextmanager
    def call(self, *failures: type[BaseException]) -> Iterator[None]:
        """Call the service within the block.

        Args:
            *failures: Errors that say that the service is not well. Others, such as a refusal,
                say that it answers.

        Raises:
            ServiceDownError: The breaker is open.
        """
        number, began = self._enter()
        failed = True  # whatever ends the block that is not known to be an answer
        try:
            yield
            failed = False
        except BaseException as error:
            failed = isinstance(error, failures) or not isinstance(error, Exception)
            raise
        finally:
            self._leave(number, failed or self.clock() - began > self.slow_seconds)

    def _enter(self) -> tuple[int, float]:
        with self._lock:
            self._look()
            state = self._state()
            if state == "open" or (state == "half-open" and self._is_trying):
                raise ServiceDownError(
                    f"{self.name} does not answer, and is asked again in a few seconds."
                )
            self._is_trying = state == "half-open"
            self._calls += 1
            self._under_way[self._calls] = self.clock()
            return self._calls, self._under_way[self._calls]

    def _leave(self, number: int, failed: bool) -> None:
        with self._lock:
            del self._under_way[number]
            was_trial = self._state() == "half-open"
            self._is_trying = False if was_trial else self._is_trying
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
        slow = sum(began < now - self.slow_seconds for began in self._under_way.values())
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


_breakers: dict[str, Breaker] = {}
_making = threading.Lock()


def breaker_of(service: str, *, slow_seconds: float = SLOW_SECONDS) -> Breaker:
    """The breaker of a service in this process."""
    with _making:
        return _breakers.setdefault(service, Breaker(service, slow_seconds))


def all_breakers() -> list[Breaker]:
    """Every breaker of this process, by name."""
    with _making:
        return [_breakers[name] for name in sorted(_breakers)]

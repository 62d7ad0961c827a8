"""A service that is down is not waited for, and is asked again when it may be back."""

from __future__ import annotations

import math
import threading
from asyncio import CancelledError

import pytest

from resources.telemetry.breakers import (
    MAX_FAILURES,
    OPEN_SECONDS,
    WINDOW_SECONDS,
    Breaker,
    BreakerGroup,
    RetryBudget,
    ServiceDownError,
)


class Clock:
    now = 100.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def breaker(clock):
    return Breaker("post", slow_seconds=5, clock=clock)


def fail(breaker, times=MAX_FAILURES):
    for _ in range(times):
        with pytest.raises(OSError, match="down"), breaker.call(OSError):
            raise OSError("down")


def call(breaker):
    with breaker.call(OSError):
        pass


def test_a_breaker_opens_after_so_many_failures_and_then_refuses_at_once(breaker):
    fail(breaker, MAX_FAILURES - 1)
    assert breaker.state == "closed"
    fail(breaker, 1)
    assert breaker.state == "open"
    with pytest.raises(ServiceDownError, match="post does not answer"):
        call(breaker)


def test_failures_that_are_long_past_do_not_count(breaker, clock):
    fail(breaker, MAX_FAILURES - 1)
    clock.now += WINDOW_SECONDS + 1
    fail(breaker, MAX_FAILURES - 1)
    assert breaker.state == "closed"


def test_failures_among_many_successes_do_not_open_it(breaker):
    for _ in range(10):
        for _ in range(3):
            call(breaker)
        fail(breaker, 1)
    assert breaker.state == "closed"


def test_a_refusal_is_an_answer(breaker):
    for _ in range(2 * MAX_FAILURES):
        with pytest.raises(ValueError, match="no"), breaker.call(OSError):
            raise ValueError("no")
    assert breaker.state == "closed"


def test_one_call_is_let_through_to_see_and_closes_the_breaker_if_it_succeeds(breaker, clock):
    fail(breaker)
    clock.now += OPEN_SECONDS
    assert breaker.state == "half-open"
    with breaker.call(OSError), pytest.raises(ServiceDownError):
        call(breaker)
    assert breaker.state == "closed"
    call(breaker)


def test_it_stays_open_if_that_call_fails(breaker, clock):
    fail(breaker)
    clock.now += OPEN_SECONDS
    fail(breaker, 1)
    assert breaker.state == "open"
    clock.now += OPEN_SECONDS
    call(breaker)
    assert breaker.state == "closed"


def test_calls_that_hang_open_it_while_they_last(breaker, clock):
    """Thirty seconds are long; nobody waits for them to be over."""
    are_under_way = threading.Barrier(MAX_FAILURES + 1)
    may_end = threading.Event()

    def hang():
        with breaker.call(OSError):
            are_under_way.wait(30)
            may_end.wait(30)

    threads = [threading.Thread(target=hang) for _ in range(MAX_FAILURES)]
    for thread in threads:
        thread.start()
    are_under_way.wait(30)
    assert breaker.state == "closed"
    clock.now += 6
    assert breaker.state == "open"
    with pytest.raises(ServiceDownError):
        call(breaker)
    may_end.set()
    for thread in threads:
        thread.join()


def test_a_call_that_answers_too_late_counts_as_a_failure(breaker, clock):
    for _ in range(MAX_FAILURES):
        with breaker.call(OSError):
            clock.now += 5.5
    assert breaker.state == "open"


def test_retries_are_as_many_as_successes_allow():
    budget = RetryBudget(left=3)
    assert [budget.take() for _ in range(4)] == [True, True, True, False]
    for _ in range(6):
        budget.succeeded()
    assert [budget.take() for _ in range(2)] == [True, False]


def test_a_call_may_be_given_more_time_than_others(breaker, clock):
    for _ in range(MAX_FAILURES):
        with breaker.call(OSError, slow_seconds=math.inf):
            clock.now += 60
    assert breaker.state == "closed"


@pytest.mark.parametrize("nobody_waits", [CancelledError, ServiceDownError])
def test_a_call_that_nobody_waited_for_says_nothing(breaker, clock, nobody_waits):
    def leave():
        with pytest.raises(nobody_waits), breaker.call(OSError):
            raise nobody_waits

    for _ in range(MAX_FAILURES):
        leave()
    assert breaker.state == "closed"
    fail(breaker)
    clock.now += OPEN_SECONDS
    leave()
    assert breaker.state == "half-open"
    call(breaker)
    assert breaker.state == "closed"


def test_an_address_that_is_down_keeps_nobody_from_another(clock):
    hosts = BreakerGroup("hosts", clock=clock)
    fail(hosts.of("down.example:443"))
    assert hosts.of("down.example:443").state == "open"
    assert hosts.of("up.example:443").state == "closed"
    assert hosts.state == "open"
    clock.now += OPEN_SECONDS
    assert hosts.state == "half-open"
    call(hosts.of("down.example:443"))
    assert hosts.state == "closed"


def test_the_addresses_that_are_remembered_are_so_many(clock):
    hosts = BreakerGroup("hosts", max_members=3, clock=clock)
    fail(hosts.of("down.example"))
    for n in range(20):
        hosts.of(f"{n}.example")
        hosts.of("down.example")  # who is called stays known
    assert len(hosts._members) == 3
    assert hosts.of("down.example").state == "open"

"""One tenant sends all it can; the others hardly notice."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.api_world import running_world

ANALYZE = "/v1/analyze"
HEAVY_CALLS = 4
TEXTS = 1_000
WORDS = 200
MAX_TIMES_PLAIN = 10
MAX_SHARE = 0.25  # of a heavy request's time that a request of one word may take


@pytest.fixture(scope="module")
def world(module_settings, module_database):
    with running_world(module_settings, module_database) as world:
        yield world


def heavy_texts(call: int) -> list[str]:
    """Texts that no other call sends, so that nothing of them is known before."""
    return [f"call {call} text {n} was a rather bad room " * (WORDS // 9) for n in range(TEXTS)]


@pytest.mark.parametrize("neighbour", ["another tenant", "the same tenant"])
def test_heavy_requests_of_one_tenant_do_not_make_a_word_of_another_wait(world, neighbour):
    first = 0 if neighbour == "another tenant" else HEAVY_CALLS
    sent = threading.Barrier(HEAVY_CALLS + 1, timeout=60)

    def send_heavy(call: int) -> float:
        texts = heavy_texts(first + call)
        sent.wait()
        began = time.monotonic()
        answer = bob.post(ANALYZE, json={"texts": texts}, timeout=300)
        assert answer.status_code == 200, answer.text
        assert len(answer.json()["items"]) == TEXTS
        return time.monotonic() - began

    name, tenant = ("ada", "acme") if neighbour == "another tenant" else ("bob", "brava")
    waits: list[float] = []
    with (
        world.client("bob") as bob,
        world.client(name) as client,
        ThreadPoolExecutor(HEAVY_CALLS) as threads,
    ):
        client.post(ANALYZE, json={"texts": ["warm"]}, params={"tenant": tenant})
        calls = [threads.submit(send_heavy, call) for call in range(HEAVY_CALLS)]
        sent.wait()
        while not any(call.done() for call in calls):
            began = time.monotonic()
            word = f"good{first}{len(waits)}"
            answer = client.post(ANALYZE, json={"texts": [word]}, params={"tenant": tenant})
            assert answer.status_code == 200, answer.text
            waits.append(time.monotonic() - began)
        heavy = min(call.result() for call in calls)
    assert len(waits) > 3
    assert sorted(waits)[len(waits) // 2] < MAX_SHARE * heavy
    assert max(waits) < 2 * MAX_SHARE * heavy


def test_unbroken_letters_take_no_longer_than_words(world):
    """Eight such texts of 20,000 letters once kept a server busy for more than a minute."""

    def seconds(unit: str) -> float:
        texts = [f"{number} {unit * 20_000}"[:20_000] for number in range(8)]
        began = time.process_time()  # of the server too: it runs in this process
        with world.client("bob") as client:
            answer = client.post(ANALYZE, json={"texts": texts}, timeout=300)
        assert answer.status_code == 200, answer.text
        return time.process_time() - began

    seconds("a good day ")
    plain = seconds("The room was clean, the staff was rude. ")
    assert max(seconds(unit) for unit in ("a", "bcdf", "Ab-", "好", "@a")) < MAX_TIMES_PLAIN * plain

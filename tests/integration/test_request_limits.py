"""How many requests one may send: over all workers, told in headers, and never without a count."""

from __future__ import annotations

import asyncio
import uuid
from concurrent.futures import ThreadPoolExecutor

import pytest
from pydantic import SecretStr

from resources.database import Database, DatabaseUnavailableError
from serving_api.kit import limits
from serving_api.kit.errors import Problem
from serving_api.kit.limits import Allowance, Allowances
from serving_api.main import create_app
from tests.api_world import serving

ACME = "/v1/tenants/acme"


def allowance(limit):
    return Allowance("user", f"requests of user {uuid.uuid4()}", limit)


def passed(allowances, one):
    try:
        allowances.take(one)
    except Problem as problem:
        return problem.slug != "too-many-requests"
    return True


def test_workers_together_let_through_what_the_limit_says_and_no_more(database):
    one = allowance(1200)
    assert one.batch == 10
    workers = [Allowances(database) for _ in range(4)]
    with ThreadPoolExecutor(8) as threads:
        results = list(threads.map(lambda n: passed(workers[n % 4], one), range(1500)))
    # What a worker has leased and not used is lost to the others, and to nobody else's good.
    assert 1200 - 4 * one.batch <= sum(results) <= 1200


def test_a_lease_is_asked_for_once_for_many_requests(database):
    one, allowances = allowance(10_000), Allowances(database)
    allowances.take(one)
    assert one.batch == 83
    assert all(allowances.take_leased([one]) for _ in range(one.batch - 1))
    assert not allowances.take_leased([one])


def test_of_two_allowances_nothing_is_taken_unless_both_have_some(database):
    mine, ours, allowances = allowance(5000), allowance(5000), Allowances(database)
    allowances.take(mine)
    left = allowances._leases[mine.name].left
    assert not allowances.take_leased([mine, ours])
    assert allowances._leases[mine.name].left == left


def test_a_lease_that_was_not_used_soon_is_given_up(database, monkeypatch):
    one, allowances = allowance(10_000), Allowances(database)
    monkeypatch.setattr(limits, "_SECONDS_LEASED", 0.0)
    allowances.take(one)
    assert not allowances.take_leased([one])


def test_without_a_count_only_what_was_leased_passes(settings):
    settings.database_url = SecretStr("postgresql://nobody:x@127.0.0.1:1/nowhere")
    with Database(settings) as away:
        allowances = Allowances(away)
        one = allowance(10_000)
        allowances._leases[one.name] = limits._Lease(left=2, ends=float("inf"))
        assert allowances.take_leased([one])
        assert allowances.take_leased([one])
        with pytest.raises(DatabaseUnavailableError):
            allowances.take(one)


def test_a_slow_client_is_not_refused_for_what_it_leased_and_did_not_use(database, monkeypatch):
    """Two workers, each asked once in the life of a lease: as wasteful as it can be."""
    one, workers = allowance(1200), [Allowances(database) for _ in range(2)]
    leases_in_a_window = int(limits.WINDOW_SECONDS / limits._SECONDS_LEASED) + 1
    monkeypatch.setattr(limits, "_SECONDS_LEASED", 0.0)
    for _ in range(leases_in_a_window):
        for worker in workers:
            worker.take(one)
    with database.limits() as work:
        left = work.rate_limits.look(one.name, limit=1200, seconds=limits.WINDOW_SECONDS).remaining
    assert left > 1000


def test_more_is_asked_for_before_a_lease_runs_out(database):
    one, allowances = allowance(12_000), Allowances(database)

    async def ask():
        for _ in range(250):
            await allowances.admit([one])
            await asyncio.sleep(0.001)

    allowances.take(one)
    asked = []
    lease = allowances._lease
    allowances._lease = lambda *given, **named: (asked.append(1), lease(*given, **named))
    at_once = allowances.admit_at_once
    waited = []
    allowances.admit_at_once = lambda given: at_once(given) or bool(waited.append(1))
    asyncio.run(ask())
    assert len(asked) >= 2
    assert waited == []


# Over HTTP ---------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def strict(world):
    """The same installation, where one may send ten requests in a minute."""
    settings = world.settings.model_copy(update={"requests_per_minute": 10})
    app = create_app(settings, world.database, world.snapshots, world.objects)
    with serving(app) as base:
        yield base


def test_who_sends_too_many_is_told_to_wait_and_nobody_else_is(world, strict):
    with world.client("ada") as ada, world.client("vic") as vic:
        answers = [ada.get(f"{strict}{ACME}/metrics") for _ in range(14)]
        other = vic.get(f"{strict}{ACME}/metrics")
    assert [answer.status_code for answer in answers] == [200] * 10 + [429] * 4
    assert other.status_code == 200
    refused = answers[-1]
    assert refused.headers["content-type"] == "application/problem+json"
    # Told from memory to whom was refused a moment ago, and as long as by the count itself.
    assert all(20 < int(answer.headers["retry-after"]) <= 66 for answer in answers[10:])
    assert '"user";q=10;w=60' in answers[0].headers["ratelimit-policy"]
    assert '"tenant";q=50;w=60' in answers[0].headers["ratelimit-policy"]
    remaining = [
        answer.headers["ratelimit"].partition(";r=")[2].partition(";")[0] for answer in answers[:10]
    ]
    assert remaining == [str(n) for n in range(9, -1, -1)]


def test_who_is_no_member_takes_nothing_from_a_tenant(world, strict):
    with world.client("bob") as bob:
        before = bob.get(f"{strict}/v1/tenants/brava/metrics").headers["ratelimit"]
        assert bob.get(f"{strict}{ACME}/metrics").status_code == 404
        with world.database.limits() as work:
            acme = work.rate_limits.look("requests of tenant acme", limit=50, seconds=60)
    assert '"tenant"' in before
    used_by_members = 11  # ten of ada and one of vic, in the test above
    assert acme.remaining >= 50 - used_by_members

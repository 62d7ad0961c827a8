"""Log-ins under attack, and users whose hash is none that we make."""

from __future__ import annotations

import statistics
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest
from argon2 import PasswordHasher
from sqlalchemy import text

from resources.database.users import _check, _is_affordable
from serving_api.identity.passwords import MAX_ATTEMPTS, MAX_ATTEMPTS_OF_ONE_ADDRESS
from tests.account_world import forget_limits
from tests.api_world import PASSWORD, running_world

GOOD = PasswordHasher().hash(PASSWORD)
HEAD, SALT, DIGEST = GOOD.rsplit("$", 2)
FOREIGN_HASHES = {
    "empty": "",
    "a word": "changeme",
    "the password itself": PASSWORD,
    "bcrypt": "$2b$12$R9h/cIPz0gi.URNNX3kh2OPST9/PgBkqquzi.Ss7KIUgO2t0jWMUW",
    "scrypt": "scrypt:32768:8:1$salt$6c6f6e67",
    "md5": "5f4dcc3b5aa765d61d8327deb882cf99",
    "argon2i": "$argon2i$v=19$m=65536,t=3,p=4$c29tZXNhbHQ$RdescudvJCsgt3ub+b4dWRWJTmaaJObG",
    "cut in its digest": GOOD[:-7],
    "cut before its digest": f"{HEAD}${SALT}",
    "cut before its salt": HEAD,
    "no base64": f"{HEAD}${SALT}$" + "!" * len(DIGEST),
    "bits that no digest has": f"{HEAD}${SALT}${DIGEST[:-1]}/",
    "padded": f"{HEAD}${SALT}${DIGEST}=",
    "with a line break": f"{GOOD}\n",
    "other version": GOOD.replace("v=19", "v=16"),
    "too little memory": GOOD.replace("m=65536", "m=1"),
    "no lanes": GOOD.replace("p=4", "p=0"),
    "four terabytes of memory": GOOD.replace("m=65536", "m=4294967295"),
    "a thousand rounds": GOOD.replace("t=3", "t=1000"),
    "digits of elsewhere": GOOD.replace("t=3", "t=٣"),
}


@pytest.fixture(scope="module")
def world(module_settings, module_database):
    with running_world(module_settings, module_database) as world:
        yield world


@pytest.fixture(autouse=True)
def _limits_of_its_own(world):
    forget_limits(world)


def set_hash(world, nickname, password_hash):
    with world.database.jobs() as work:
        work.session.execute(
            text("update reviewgraph.users set password_hash = :hash where email = :email"),
            {"hash": password_hash, "email": f"{nickname}@example.com"},
        )


def log_in(client, email, password="wrong"):
    return client.post("/v1/auth/token", json={"email": email, "password": password})


@pytest.mark.parametrize("name", FOREIGN_HASHES)
def test_a_user_without_a_hash_of_ours_is_answered_like_an_unknown_one(world, name):
    set_hash(world, "eve", FOREIGN_HASHES[name])
    with world.client(**{"X-Request-ID": "same"}) as client:
        answers = [
            log_in(client, "eve@example.com", PASSWORD),
            log_in(client, "eve@example.com"),
            log_in(client, "nobody@example.com", PASSWORD),
        ]
    assert {answer.status_code for answer in answers} == {401}
    assert len({answer.text for answer in answers}) == 1
    assert len({answer.headers["www-authenticate"] for answer in answers}) == 1


def test_a_hash_that_is_not_ours_takes_the_time_of_one_that_is():
    def seconds(known_hash):
        times = []
        for _ in range(3):
            start = time.process_time()
            assert _check("wrong", known_hash) == (False, None)
            times.append(time.process_time() - start)
        return statistics.median(times)

    seconds(None)  # the first one also loads the library
    usual = seconds(GOOD)
    weaker = PasswordHasher(time_cost=1, memory_cost=8192, parallelism=1).hash(PASSWORD)
    for name, found in {**FOREIGN_HASHES, "weaker": weaker, "of nobody": None}.items():
        # Generous, for busy cores: an answer without a check would be a thousandth of the usual.
        assert 0.2 < seconds(found) / usual < 5, name


def test_an_older_and_weaker_hash_still_opens_and_is_renewed(world):
    set_hash(world, "eve", PasswordHasher(time_cost=1, memory_cost=8192).hash(PASSWORD))
    with world.client() as client:
        assert log_in(client, "eve@example.com").status_code == 401
        assert log_in(client, "eve@example.com", PASSWORD).status_code == 200
    with world.database.jobs() as work:
        renewed = work.users.by_email("eve@example.com").password_hash
    assert renewed.split("$")[:-2] == GOOD.split("$")[:-2]
    assert _is_affordable(renewed)


class Attack:
    """Attempts that go on in many threads until the block ends."""

    def __init__(self, world, emails):
        self.world, self.emails = world, emails
        self.answers = []
        self.stop = threading.Event()

    def __enter__(self):
        self.threads = [threading.Thread(target=self.go_on, args=[one]) for one in self.emails]
        for thread in self.threads:
            thread.start()
        deadline = time.monotonic() + 30
        while len(self.answers) < len(self.emails) and time.monotonic() < deadline:
            time.sleep(0.05)
        return self

    def __exit__(self, *_):
        self.stop.set()
        for thread in self.threads:
            thread.join()

    def go_on(self, email):
        with self.world.client() as client:
            while not self.stop.is_set():
                self.answers.append(log_in(client, email))
                time.sleep(0.2)


def median_seconds(ask, times=7):
    taken = []
    for _ in range(times):
        start = time.perf_counter()
        assert ask().status_code == 200
        taken.append(time.perf_counter() - start)
    return statistics.median(taken)


def test_forty_attempts_at_once_are_checked_or_refused_at_once(world):
    with world.client() as client, ThreadPoolExecutor(40) as threads:
        alone = time.perf_counter()
        assert log_in(client, "vic@example.com").status_code == 401
        alone = time.perf_counter() - alone
        start = time.perf_counter()
        answers = list(threads.map(lambda n: log_in(client, f"nobody-{n}@example.com"), range(40)))
        together = time.perf_counter() - start
    codes = Counter(answer.status_code for answer in answers)
    assert set(codes) == {401, 429}
    assert codes[401] < 40 - MAX_ATTEMPTS
    for answer in answers:
        if answer.status_code == 429:
            assert answer.json()["type"] == "urn:reviewgraph:problem:too-many-requests"
            assert int(answer.headers["retry-after"]) > 0
    assert together < 30 * alone + 2  # forty checks one after the other would be more


def test_an_attack_on_one_user_keeps_no_other_out(world):
    with world.client() as client, Attack(world, ["vic@example.com"] * 40) as attack:
        for _ in range(5):
            assert log_in(client, "ada@example.com", PASSWORD).status_code == 200
    assert {answer.status_code for answer in attack.answers} == {401, 429}


def test_an_attack_on_a_user_refuses_alike_whether_there_is_one(world):
    for email in ("vic@example.com", "nobody@example.com", "VIC@example.com "):
        forget_limits(world)
        with world.client() as client, ThreadPoolExecutor(20) as threads:
            answers = list(threads.map(lambda _, to=email: log_in(client, to), range(20)))
        codes = Counter(answer.status_code for answer in answers)
        assert set(codes) == {401, 429}, email
        assert codes[401] < 20 - MAX_ATTEMPTS_OF_ONE_ADDRESS


def test_other_requests_stay_quick_while_log_ins_are_attacked(world):
    with world.client("ada") as ada:

        def ask():
            return ada.get("/v1/tenants/acme/reports")

        in_peace = median_seconds(ask)
        with world.client() as attacker:
            check = time.perf_counter()
            log_in(attacker, "vic@example.com")
            check = time.perf_counter() - check
        with Attack(world, [f"nobody-{n}@example.com" for n in range(40)]):
            under_attack = median_seconds(ask)
    # With the attempts before it in a queue, it would take as long as forty checks.
    assert under_attack < in_peace + 10 * check + 1


def test_after_an_attack_every_place_is_free_again(world):
    with Attack(world, [f"nobody-{n}@example.com" for n in range(20)]):
        pass
    with world.client() as client, ThreadPoolExecutor(MAX_ATTEMPTS) as threads:
        answers = list(
            threads.map(lambda n: log_in(client, f"other-{n}@example.com"), range(MAX_ATTEMPTS))
        )
    assert {answer.status_code for answer in answers} == {401}

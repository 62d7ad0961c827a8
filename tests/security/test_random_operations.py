"""A long walk of random operations over three tenants: nothing of one is ever shown to another.

Each tenant's texts, names, files and errors hold its own name, so that its name in an answer to
somebody else is a leak. Who belongs where changes on the way. The walk is repeated with either wall
down: with row-level security letting everything pass, and with the conditions on the tenant taken
out of every statement. With both down at once it must find leaks, or it could find none.

``--operations 10000`` makes each walk as long as that; the seed of one that failed is in its name.
"""

from __future__ import annotations

import random
import time
from collections import Counter
from contextlib import contextmanager
from dataclasses import dataclass, field

import pytest
from sqlalchemy import NullPool, create_engine, event, text, true
from sqlalchemy.sql import operators, visitors
from sqlalchemy.sql.elements import BinaryExpression

from resources.database import StageRecord
from serving_api.kit.permissions import permissions_of
from tests import api_world
from tests.api_world import RECEIVED_DAY, fresh_token, running_world
from tests.operation_matrix import MATRIX, OWNERS, send
from tests.security.test_cross_tenant_matrix import FIELDS as FIELDS_OF_TENANT
from tests.security.test_cross_tenant_matrix import PERMISSION_OF, query_of

TENANTS = ("acme", "brava", "cobalt")
PEOPLE = ("ada", "bob", "eve", "vic")
ROLES = ("owner", "admin", "analyst", "viewer")
OF_TENANTS = [name for name, row in MATRIX.items() if row.audience == "members"]
OF_USERS = [
    name for name, row in MATRIX.items() if row.audience == "users" and not row.ends_sessions
]

MAX_SECONDS_OF_TOKENS = 600  # a long walk takes longer than a token is good for

# Who asks, and what of which tenant one may see, follows from these: without their conditions
# there would be no question of whose rows to show.
WHO_ASKS = {"api_keys", "memberships", "sessions", "tenants", "users"}


class LeakError(AssertionError):
    """Somebody was shown what is not theirs."""


@dataclass
class Walk:
    """What the walk believes of the world, and what it has seen.

    Attributes:
        world: The installation.
        random: Decides what happens next.
        members: Who has which role where.
        seen: How often each thing has happened, by what it was and how it was answered.
    """

    world: api_world.World
    random: random.Random
    members: dict[tuple[str, str], str]
    seen: Counter[str] = field(default_factory=Counter)
    _logged_in: float = float("-inf")

    def step(self) -> None:
        """Do one thing at random, and look at what comes back."""
        if time.monotonic() - self._logged_in > MAX_SECONDS_OF_TOKENS:
            for person in PEOPLE:
                fresh_token(self.world, person)
            self._logged_in = time.monotonic()
        acts = (self.ask, self.ask_graphql, self.ask_for_own, self.change_memberships)
        (act,) = self.random.choices(acts, (60, 25, 5, 10))
        act()

    def ask(self) -> None:
        """Call any operation of any tenant as anybody, with identifiers of any tenant."""
        operation = self.random.choice(OF_TENANTS)
        person, tenant = self.random.choice(PEOPLE), self.random.choice(TENANTS)
        ids_of = self.random.choice((tenant, *TENANTS))
        answer = send(self.world, operation, self.world.token(person), tenant=tenant, ids_of=ids_of)
        role = self.members.get((tenant, person))
        self.note("rest", role, answer.status_code)
        said = f"{person} ({role}) {operation} of {tenant} with ids of {ids_of}"
        self.look(answer.text, {tenant} if role else set(), said)
        if role is None:
            expected = {404}
        elif PERMISSION_OF[operation] not in permissions_of(role):
            expected = {403, 404}
        elif ids_of != tenant and "_" in operation and "file_format" not in operation:
            expected = {404}
        else:
            expected = {MATRIX[operation].status, 404, 409, 410, 429}
        if answer.status_code not in expected and ":limit-reached" not in answer.text:
            raise LeakError(
                f"{said}: {answer.status_code}, expected {expected}: {answer.text[:300]}"
            )

    def ask_graphql(self) -> None:
        """Ask for fields of two tenants in one document."""
        person = self.random.choice(PEOPLE)
        asked = [self.random.choice(TENANTS) for _ in range(2)]
        parts = []
        for number, tenant in enumerate(asked):
            document = query_of(
                self.world,
                self.random.choice(FIELDS_OF_TENANT),
                tenant=tenant,
                ids_of=self.random.choice(TENANTS),
            )
            parts.append(document.strip("{} ").replace("tenant(", f"t{number}: tenant(", 1))
        closed = [part + " }" * (part.count("{") - part.count("}")) for part in parts]
        token = self.world.token(person)
        with self.world.client(authorization=f"Bearer {token}") as client:
            answer = client.post("/v1/graphql", json={"query": f"{{ {' '.join(closed)} }}"})
        body = answer.json()
        self.note("graphql", person, answer.status_code)
        for number, tenant in enumerate(asked):
            role = self.members.get((tenant, person))
            given = body["data"][f"t{number}"]
            said = f"{person} ({role}) {closed[number]}"
            if (given is not None) != (role is not None):
                raise LeakError(f"{said}: {given}")
            self.look(str(given), {tenant} if role else set(), said)
        self.look(str(body["errors"]), set(), f"errors of {closed}")

    def ask_for_own(self) -> None:
        """What one is shown of oneself."""
        person = self.random.choice(PEOPLE)
        answer = send(self.world, self.random.choice(OF_USERS), self.world.token(person))
        self.note("own", person, answer.status_code)
        own = {tenant for tenant, member in self.members if member == person}
        self.look(answer.text, own, f"{person} about {person}")

    def change_memberships(self) -> None:
        """Let somebody in, give them another role, or put them out."""
        person, tenant = self.random.choice(PEOPLE), self.random.choice(TENANTS)
        role = self.random.choice((*ROLES, None))
        values = {"tenant": tenant, "user": self.world.users[person].id}
        with self.world.database.jobs() as work:
            work.session.execute(
                text(
                    "delete from reviewgraph.memberships "
                    "where tenant_id = :tenant and user_id = :user"
                ),
                values,
            )
            if role is not None:
                work.users.add_membership(tenant, values["user"], role)
        self.world.changed_behind_it()
        self.members.pop((tenant, person), None)
        if role is not None:
            self.members[tenant, person] = role
        self.note("membership", role, 0)

    def look(self, body: str, own: set[str], said: str) -> None:
        """Find the names of others in an answer."""
        for tenant in set(TENANTS) - own:
            if tenant in body:
                place = body.index(tenant)
                raise LeakError(f"{said}: {body[max(0, place - 200) : place + 200]}")

    def note(self, what: str, role: str | None, status: int) -> None:
        """Count what has happened."""
        self.seen[f"{what} {role} {status}"] += 1


@pytest.fixture(scope="module")
def world(module_settings, module_database):
    with (
        pytest.MonkeyPatch.context() as patch,
        running_world(module_settings, module_database) as world,
    ):
        patch.setitem(OWNERS, "cobalt", "vic")  # who makes the keys that are asked about
        with world.database.jobs() as work:
            work.tenants.create("cobalt", "Cobalt", colour="#123456")
        world.ids["cobalt"] = api_world._publish(
            world.database, world.snapshots, world.objects, "cobalt"
        )
        with world.database.jobs() as work:
            for tenant in TENANTS:
                work.ledger.record(
                    StageRecord(
                        tenant_id=tenant,
                        day=RECEIVED_DAY,
                        stage="normalised",
                        status="failed",
                        error=f"{tenant} cannot be read",
                    )
                )
            work.session.execute(text("delete from reviewgraph.memberships"))
        yield world


def walk_of(world, seed):
    with world.database.jobs() as work:
        work.session.execute(text("delete from reviewgraph.memberships"))
        members = {("acme", "ada"): "owner", ("brava", "bob"): "owner", ("cobalt", "vic"): "viewer"}
        for (tenant, person), role in members.items():
            work.users.add_membership(tenant, world.users[person].id, role)
    world.changed_behind_it()
    return Walk(world, random.Random(seed), members)


@contextmanager
def owner_of(world):
    """A transaction of the tables' owner, who may change policies."""
    engine = create_engine(world.database.owner_url, poolclass=NullPool)
    with engine.begin() as connection:
        yield connection


@contextmanager
def without_row_level_security(world):
    """One wall down: the application's role may see and write every row."""
    with owner_of(world) as owner:
        tables = [
            row[0]
            for row in owner.execute(
                text(
                    "select relname from pg_class where relrowsecurity "
                    "and relnamespace = 'reviewgraph'::regnamespace"
                )
            )
        ]
        for table in tables:
            owner.execute(
                text(
                    f"create policy everything on reviewgraph.{table} to reviewgraph_app "
                    "using (true) with check (true)"
                )
            )
    try:
        yield tables
    finally:
        with owner_of(world) as owner:
            for table in tables:
                owner.execute(text(f"drop policy everything on reviewgraph.{table}"))


@contextmanager
def without_filters(world):
    """The other wall down: no statement names the tenant any more, but for who asks.

    Yields:
        Counts the conditions that were taken out, by table.
    """
    taken: Counter[str] = Counter()

    def without_tenant(element, **_):
        if not isinstance(element, BinaryExpression):
            return None
        column = element.left
        if getattr(column, "name", None) != "tenant_id" or not hasattr(column, "table"):
            return None
        if element.operator not in (operators.eq, operators.in_op):
            return None
        name = getattr(column.table, "name", "")
        if name in WHO_ASKS or hasattr(element.right, "table"):  # a join within one tenant
            return None
        taken[name] += 1
        return true()

    def rewrite(_connection, statement, multiple, parameters, _options):
        if hasattr(statement, "whereclause") or hasattr(statement, "_where_criteria"):
            statement = visitors.replacement_traverse(statement, {}, without_tenant)
        return statement, multiple, parameters

    engine = world.database._app_engine
    event.listen(engine, "before_execute", rewrite, retval=True)
    try:
        yield taken
    finally:
        event.remove(engine, "before_execute", rewrite)


@pytest.fixture
def operations(request):
    return request.config.getoption("--operations")


SEEDS = (1, 20261127)


@pytest.mark.parametrize("seed", SEEDS)
def test_nobody_is_shown_what_is_not_theirs(world, operations, seed):
    walk = walk_of(world, seed)
    for _ in range(operations):
        walk.step()
    assert walk.seen["rest None 404"]
    assert any(count for what, count in walk.seen.items() if what.startswith("rest owner 200"))


def test_nor_without_row_level_security(world, operations):
    walk = walk_of(world, 2)
    with without_row_level_security(world) as tables:
        assert len(tables) > 10
        for _ in range(operations):
            walk.step()


def test_nor_without_the_conditions_on_the_tenant(world, operations):
    walk = walk_of(world, 3)
    with without_filters(world) as taken:
        for _ in range(operations):
            walk.step()
    assert {"sources", "import_batches", "report_documents", "stage_runs"} <= set(taken)


def test_without_either_the_walk_finds_leaks(world):
    """Two walls: when both are down, this test is what notices."""
    walk = walk_of(world, 4)
    leaks = 0
    with without_row_level_security(world), without_filters(world):
        for _ in range(300):
            try:
                walk.step()
            except LeakError:
                leaks += 1
            if leaks > 5:
                return
    pytest.fail(f"{leaks} leaks in 300 operations")

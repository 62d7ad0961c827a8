"""The unit of work, the repositories behind it, and the migrations below it."""

from __future__ import annotations

import threading
import uuid
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime

import pytest
from pydantic import SecretStr
from sqlalchemy import NullPool, create_engine, make_url, text
from sqlalchemy.exc import IntegrityError

from resources.database import (
    Database,
    DatabaseSetupError,
    DatabaseUnavailableError,
    DuplicateError,
    ImportBatch,
    SupersededAttemptError,
    UnknownTenantError,
)
from resources.database.migrations import check, downgrade
from resources.errors import ReviewGraphError
from resources.settings import Settings

DAY = date(2026, 3, 1)
PDF = {
    "format": "pdf",
    "key": "tenants/acme/ab/abc.pdf",
    "sha256": "abc",
    "bytes": 3,
    "media_type": "application/pdf",
}


@pytest.fixture
def acme(database) -> str:
    with database.jobs() as work:
        work.tenants.create("acme", "Acme Hotels")
    return "acme"


@pytest.fixture
def published(database, acme) -> str:
    with database.jobs() as work:
        work.snapshots.point_to(acme, "v1", path="acme/v1", row_count=10)
    return acme


def test_what_was_done_is_kept_when_the_block_ends_well(database):
    with database.jobs() as work:
        created = work.tenants.create("acme", "Acme", names=[{"name": "Bath", "kind": "place"}])
    with database.jobs() as work:
        assert work.tenants.get("acme") == created
    assert created.names[0]["name"] == "Bath"


def test_a_transaction_makes_the_repositories_it_uses_and_makes_them_once(database):
    with database.jobs() as work:
        before = set(vars(work))
        assert work.ledger is work.ledger
        assert set(vars(work)) - before == {"ledger"}


def test_nothing_is_kept_when_the_block_raises(database):
    def create_and_stumble() -> None:
        with database.jobs() as work:
            work.tenants.create("acme", "Acme")
            raise InterruptedError

    with pytest.raises(InterruptedError):
        create_and_stumble()
    with database.jobs() as work:
        assert work.tenants.get("acme") is None


def test_a_connection_comes_back_clean_after_an_error(database, acme):
    for _ in range(25):  # more than the pool holds
        with pytest.raises(IntegrityError), database.jobs() as work:
            work.session.execute(text("insert into reviewgraph.sources (tenant_id) values ('x')"))
    with database.jobs() as work:
        assert work.tenants.require(acme).name == "Acme Hotels"


def test_a_pool_survives_a_server_that_dropped_its_connections(database, postgres, acme):
    with database.work(acme) as work:
        work.tenants.require(acme)
    own = make_url(database.app_url)
    postgres.run_as_owner(
        "select pg_terminate_backend(pid) from pg_stat_activity "
        f"where usename = '{own.username}' and datname = '{own.database}'"
    )
    with database.work(acme) as work:
        assert work.tenants.require(acme).id == acme


def test_records_outlive_their_transaction(database, acme):
    with database.jobs() as work:
        tenant = work.tenants.require(acme)
    assert tenant.settings == {}
    assert tenant.created_at.tzinfo is not None


def test_a_tenant_is_made_once_and_changed_in_part(database, acme):
    with database.jobs() as work:
        with pytest.raises(DuplicateError, match="already"):
            work.tenants.create(acme, "Another")
        changed = work.tenants.update(acme, colour="#ff0000")
        assert (changed.name, changed.colour) == ("Acme Hotels", "#ff0000")
        with pytest.raises(UnknownTenantError, match=r"no tenant 'bolt' \(known: acme\)"):
            work.tenants.update("bolt", name="Bolt")


@pytest.mark.parametrize("identifier", ["", "Acme", "-acme", "a/b", "a" * 64, "acme\n", "ä"])
def test_an_identifier_that_is_no_slug_is_refused(database, identifier):
    with pytest.raises(ReviewGraphError, match="cannot be a tenant's identifier"):
        database.work(identifier)


def test_a_user_logs_in_in_any_case_and_only_with_the_password(database, acme):
    with database.jobs() as work:
        user = work.users.create(" Ann@Example.org ", "Ann", "correct horse")
        work.users.add_membership(acme, user.id, "viewer")
        work.users.add_membership(acme, user.id, "admin")
        with pytest.raises(DuplicateError):
            work.users.create("ann@example.org", "Ann again", "x")
    with database.work(None) as work:
        assert work.users.verify_password("ANN@example.org", "correct horse") == user
        assert work.users.verify_password("ann@example.org", "wrong horse") is None
        assert work.users.verify_password("bob@example.org", "correct horse") is None
    with database.work(None, user_id=user.id) as work:
        (membership,) = work.users.memberships(user.id)
        assert (membership.tenant_id, membership.role) == (acme, "admin")
        assert work.users.membership(acme, user.id) == membership
    assert user.password_hash.startswith("$argon2id$")
    assert user.password_hash not in repr(user)


def test_an_inactive_user_cannot_log_in(database):
    with database.jobs() as work:
        work.users.create("ann@example.org", "Ann", "secret", is_active=False)
    with database.work(None) as work:
        assert work.users.verify_password("ann@example.org", "secret") is None


def test_sources_and_imports_are_noted_once(database, acme):
    batch = ImportBatch(
        "b1", acme, "csv", "r.csv", 10, 2, DAY, {}, datetime(2026, 3, 1, tzinfo=UTC)
    )
    with database.jobs() as work:
        source = work.sources.create(acme, "google_reviews", "maps", {"place_id": "1"})
        again = work.sources.create(acme, "google_reviews", "maps", {"place_id": "2"})
        assert again.id == source.id
        assert work.sources.active("google_reviews") == (again,)
        work.sources.set_active(acme, source.id, is_active=False)
        assert work.sources.active("google_reviews") == ()
        work.imports.record(batch)
        work.imports.record(batch)
        assert work.imports.list(acme) == (batch,)
        assert work.imports.get(acme, "b1") == batch


def test_a_task_is_planned_once_and_found_open_until_its_rows_have_landed(database, acme):
    with database.jobs() as work:
        source = work.sources.create(acme, "google_reviews", "maps")
        planned = work.tasks.plan(acme, "acme-maps-1", DAY, source.id)
        assert (planned.status, planned.id) == ("planned", None)
        work.tasks.posted(acme, "acme-maps-1", "task-1", cost_usd=0.003)
    with database.jobs() as work:  # another run, after a crash
        task = work.tasks.plan(acme, "acme-maps-1", DAY, source.id)
        assert (task.status, task.id, task.cost_usd) == ("posted", "task-1", 0.003)
        assert work.tasks.open(day=DAY, source_id=source.id) == (task,)
        work.tasks.collected(acme, "acme-maps-1")
        assert work.tasks.open() == ()
        assert [each.status for each in work.tasks.list(acme, day=DAY)] == ["collected"]


def test_a_pointer_moves_and_what_reports_rest_on_stays_referenced(database, published):
    with database.jobs() as work:
        work.reports.add_document(
            published, snapshot_version="v1", title="March", review_count=10, files=[PDF]
        )
        work.snapshots.point_to(published, "v2", path="acme/v2", row_count=20, inputs={"a": 1})
        work.snapshots.point_to(published, "v3", path="acme/v3", row_count=30)
        assert work.snapshots.current(published).version == "v3"
        assert work.reports.referenced_versions(published) == {"v1", "v3"}
        work.snapshots.forget(published, "v2")
        assert {each.version for each in work.snapshots.list(published)} == {"v1", "v3"}
    with pytest.raises(IntegrityError), database.jobs() as work:
        work.snapshots.forget(published, "v1")


def test_a_report_request_is_claimed_by_one_run_only(database, acme):
    with database.work(acme) as work:
        request = work.reports.request(acme, requested_by="ann")
    barrier = threading.Barrier(4)

    def claim(number: int) -> object:
        with database.jobs() as work:
            barrier.wait()
            return work.reports.claim(f"run-{number}")

    with ThreadPoolExecutor(4) as pool:
        claimed = [each for each in pool.map(claim, range(4)) if each is not None]
    assert len(claimed) == 1
    assert (claimed[0].id, claimed[0].status, claimed[0].attempt) == (request.id, "running", 1)


def test_an_attempt_that_was_taken_over_cannot_end_the_request(database, acme):
    with database.jobs() as work:
        request = work.reports.request(acme, period_start=DAY, period_end=DAY)
        first = work.reports.claim("run-1", request.id)
        assert work.reports.claim("run-2", request.id) is None
        assert work.reports.queued() == ()
        assert work.reports.requeue(first).status == "queued"
        assert [each.id for each in work.reports.queued()] == [request.id]
        second = work.reports.claim("run-2", request.id)
        assert second.attempt == 2
        assert work.reports.requeue(first) is None
        with pytest.raises(SupersededAttemptError):
            work.reports.finish(first)
        assert work.reports.hold(second, "half of March is missing").error.startswith("half")
        assert work.reports.requests("held") == (work.reports.get_request(acme, request.id),)
        work.reports.requeue(second)
        third = work.reports.claim("run-3")
        assert third.error is None
        assert work.reports.fail(third, "no browser").status == "failed"


def test_a_repeated_attempt_replaces_its_document_and_pages_hold_every_document_once(
    database, published
):
    with database.jobs() as work:
        request = work.reports.request(published)
        for title in ("first try", "second try"):
            document = work.reports.add_document(
                published,
                snapshot_version="v1",
                title=title,
                review_count=10,
                files=[PDF],
                request_id=request.id,
            )
    for number in range(4):
        with database.jobs() as work:
            work.reports.add_document(
                published, snapshot_version="v1", title=str(number), review_count=1, files=[]
            )
    with database.work(published) as work:
        first = work.reports.list(published, limit=3)
        second = work.reports.list(published, limit=3, before=first[-1])
        assert [each.title for each in first + second] == ["3", "2", "1", "0", "second try"]
        assert work.reports.get(published, document.id).files == (PDF,)
        assert work.reports.get(published, uuid.uuid4()) is None


def test_the_tables_are_what_their_definitions_say(database):
    engine = create_engine(database.owner_url, poolclass=NullPool)
    check(engine)


def test_migrating_down_and_up_again_gives_the_same_tables(database):
    engine = create_engine(database.owner_url, poolclass=NullPool)
    downgrade(engine, "base")
    database.migrate()
    check(engine)


def test_several_databases_of_one_server_migrate_at_once(settings, postgres):
    def migrate(settings: Settings) -> int:
        with Database(settings) as database:
            database.migrate()
            with database.work(None) as work:
                return len(work.tenants.list())

    other = settings.model_copy()
    with (
        postgres.database(settings, template="template0"),
        postgres.database(other, template="template0"),
        ThreadPoolExecutor(4) as pool,
    ):
        assert list(pool.map(migrate, [settings, other] * 2)) == [0, 0, 0, 0]


@pytest.mark.usefixtures("database")
def test_another_secret_key_is_refused_in_words(settings):
    own = settings.model_copy(update={"secret_key": SecretStr("another key of another place")})
    with (
        Database(own) as stranger,
        pytest.raises(DatabaseUnavailableError, match="secret key"),
        stranger.work(None),
    ):
        pytest.fail("the password is wrong")


def test_an_owner_without_the_privilege_to_make_roles_is_told_so(database, settings):
    engine = create_engine(database.owner_url, poolclass=NullPool, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text("create role powerless login password 'powerless'"))
        try:
            url = make_url(database.owner_url).set(username="powerless", password="powerless")
            spelled = url.render_as_string(hide_password=False)
            own = settings.model_copy(update={"database_url": SecretStr(spelled)})
            with Database(own) as weak, pytest.raises(DatabaseSetupError, match="CREATEROLE"):
                weak.migrate()
        finally:
            connection.execute(text("drop role powerless"))

"""The wall between tenants, tried in SQL as the roles that the application really uses."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from datetime import date, timedelta

import pytest
from sqlalchemy import Connection, NullPool, create_engine, text
from sqlalchemy.exc import IntegrityError, ProgrammingError

from resources.database import (
    Database,
    UnitOfWork,
)
from resources.database.schema import APP_ROLE, JOBS_ROLE
from resources.database.tables import metadata

# What is the installation's own: the same rows for whoever works for a tenant.
from tests.filled_tables import fill

OF_ALL = {"reviewgraph.feature_flags"}
TABLES = sorted(metadata.tables)
OF_NOBODY = {"reviewgraph.lasting_keys"}
OF_TENANTS = [name for name in TABLES if name not in OF_ALL | OF_NOBODY]
DAY = date(2026, 3, 1)
OF_USERS_AND_CLIENTS = {
    "reviewgraph.one_time_tokens",
    "reviewgraph.rate_limits",
    "reviewgraph.sessions",
    "reviewgraph.signing_keys",
    "reviewgraph.recovery_codes",
    "reviewgraph.second_factors",
    "reviewgraph.user_identities",
}
OWNER = "(select split_part(email, '@', 2) from reviewgraph.users u where u.id = user_id)"


@pytest.fixture(scope="module")
def people(module_database) -> dict[str, uuid.UUID]:
    """Two tenants with a row in every table; their users by tenant."""
    with module_database.jobs() as work:
        return {tenant_id: fill(work, tenant_id) for tenant_id in ("acme", "bolt")}


@pytest.fixture
def database(module_database, people) -> Database:  # noqa: ARG001 - it fills the database
    """The same for all tests here: each of them only reads, or is refused."""
    return module_database


@pytest.fixture
def bare(database) -> Iterator[Connection]:
    """A connection as the application's role that has said nothing about itself."""
    engine = create_engine(database.app_url, poolclass=NullPool)
    with engine.connect() as connection:
        yield connection


def count(connection: Connection, table: str) -> int:
    return connection.execute(text(f"select count(*) from {table}")).scalar_one()


def tenants_seen(work: UnitOfWork, table: str) -> set[str]:
    column = {
        "reviewgraph.tenants": "id",
        "reviewgraph.users": "split_part(email, '@', 2)",
        "reviewgraph.one_time_tokens": "split_part(email, '@', 2)",
        "reviewgraph.rate_limits": "name",
        "reviewgraph.sessions": "user_agent",
        "reviewgraph.signing_keys": "kid",
        "reviewgraph.recovery_codes": OWNER,
        "reviewgraph.second_factors": OWNER,
        "reviewgraph.user_identities": "split_part(issuer, '.', 2)",
    }
    query = f"select distinct {column.get(table, 'tenant_id')} from {table}"
    return {row[0].removesuffix(".example") for row in work.session.execute(text(query))}


@pytest.mark.parametrize("table", OF_ALL)
def test_what_is_the_installation_s_is_seen_by_whoever_works_for_a_tenant(database, bare, table):
    assert count(bare, table) == 0
    with database.work("acme") as work:
        assert work.session.scalar(text(f"select count(*) from {table}")) > 0
    with (
        pytest.raises(ProgrammingError, match="permission denied"),
        database.work("acme") as work,
    ):
        work.session.execute(text(f"delete from {table}"))


@pytest.mark.parametrize("table", OF_NOBODY)
def test_what_nobody_works_for_is_seen_by_the_graph_alone(database, bare, table):
    assert count(bare, table) == 0
    query = text(f"select count(*) from {table}")
    with database.work("acme") as work:
        assert work.session.scalar(query) == 0
    with database.jobs() as work:
        assert work.session.scalar(query) > 0


@pytest.mark.parametrize("table", OF_TENANTS)
def test_without_a_tenant_set_no_table_shows_a_row(database, bare, table):
    assert count(bare, table) == 0
    with database.jobs() as work:
        assert tenants_seen(work, table) == {"acme", "bolt"}


@pytest.mark.parametrize("table", OF_TENANTS)
def test_a_tenant_sees_its_own_rows_and_members_only(database, table):
    expected = set() if table in OF_USERS_AND_CLIENTS else {"acme"}
    with database.work("acme") as work:
        assert tenants_seen(work, table) == expected


def test_a_user_sees_oneself_and_one_s_memberships_without_a_tenant(database, people):
    with database.work(None, user_id=people["acme"]) as work:
        assert [each.id for each in work.tenants.list()] == ["acme"]
        assert work.users.get(people["acme"]).email == "ann@acme.example"
        assert work.users.get(people["bolt"]) is None
        assert work.users.memberships(people["bolt"]) == ()
        assert tenants_seen(work, "reviewgraph.memberships") == {"acme"}
        assert tenants_seen(work, "reviewgraph.sources") == set()


def test_logging_in_opens_exactly_the_row_of_the_address(database, people):
    with database.work(None) as work:
        assert work.users.by_email("ann@acme.example").id == people["acme"]
        assert tenants_seen(work, "reviewgraph.users") == {"acme"}
    with database.work(None) as work:
        assert tenants_seen(work, "reviewgraph.users") == set()


def test_the_next_borrower_of_a_connection_inherits_no_tenant(database):
    with database.work("acme") as work:
        first = work.session.scalar(text("select pg_backend_pid()"))
        assert tenants_seen(work, "reviewgraph.sources") == {"acme"}
    with database.work(None) as work:
        assert work.session.scalar(text("select pg_backend_pid()")) == first
        assert tenants_seen(work, "reviewgraph.sources") == set()


def test_a_tenant_set_for_the_whole_session_is_overruled_by_the_next_borrower(database):
    with database.work("acme") as work:
        first = work.session.scalar(text("select pg_backend_pid()"))
        work.session.execute(text("select set_config('app.tenant_id', 'bolt', false)"))
    with database.work("acme") as work:
        assert work.session.scalar(text("select pg_backend_pid()")) == first
        assert tenants_seen(work, "reviewgraph.sources") == {"acme"}
    with database.work(None) as work:
        assert tenants_seen(work, "reviewgraph.sources") == set()


def test_a_row_for_another_tenant_is_refused(database):
    with (
        pytest.raises(ProgrammingError, match="row-level security"),
        database.work("acme") as work,
    ):
        work.sources.create("bolt", "google_reviews", "smuggled")


@pytest.mark.parametrize(
    "write",
    [
        lambda work: work.corrections.record("bolt", "b" * 32, "topics", [], author="eve"),
        lambda work: work.taxonomies.save("bolt", {}, version="v2", author="eve"),
        lambda work: work.lexicons.save("bolt", {}, version="v2", author="eve"),
        lambda work: work.nlp_settings.choose("bolt", tier="deep"),
        lambda work: work.events.add("report.finished", "r", tenant_id="bolt"),
        lambda work: work.events.add("release.installed", "r"),
        lambda work: work.events.add("session.ended", "s", data={"user": str(uuid.UUID(int=1))}),
        lambda work: work.sessions.start(uuid.UUID(int=1)),
        lambda work: work.api_keys.create(
            "bolt", uuid.UUID(int=1), name="k", scopes=[], lifetime=timedelta(days=1)
        ),
        lambda work: work.invitations.create(
            "bolt", "eve@x.example", "owner", token_id=uuid.uuid4()
        ),
        lambda work: work.workspaces.create("bolt", "brand", "Eve's"),
        lambda work: work.tenant_settings.change("bolt", {"language": "de"}, author="eve"),
        lambda work: work.exports.ask("bolt", requested_by="eve"),
        lambda work: work.tenants.create("evil", "Evil"),
        lambda work: work.users.add_membership("bolt", uuid.uuid4(), "owner"),
    ],
)
def test_what_another_tenant_says_cannot_be_written_for_it(database, write):
    with (
        pytest.raises(ProgrammingError, match="row-level security"),
        database.work("acme") as work,
    ):
        write(work)


def test_another_tenant_s_rows_cannot_be_changed_deleted_or_given_away(database):
    with database.work("acme") as work:
        run = work.session.execute
        changed = run(text("update reviewgraph.sources set name = 'x' where tenant_id = 'bolt'"))
        deleted = run(text("delete from reviewgraph.sources where tenant_id = 'bolt'"))
        assert (changed.rowcount, deleted.rowcount) == (0, 0)
    with (
        pytest.raises(ProgrammingError, match="row-level security"),
        database.work("acme") as work,
    ):
        work.session.execute(text("update reviewgraph.sources set tenant_id = 'bolt'"))


@pytest.mark.parametrize(
    "statement",
    [
        (
            "insert into reviewgraph.tenants (id, name, colour, status)"
            " values ('evil', 'Evil', '#000000', 'active')"
        ),
        "update reviewgraph.tenants set id = 'evil'",
        "update reviewgraph.users set is_active = true",
        "insert into reviewgraph.users (email, name, is_active) values ('e@x.org', 'E', true)",
        "delete from reviewgraph.users",
        "delete from reviewgraph.one_time_tokens",
        "update reviewgraph.one_time_tokens set expires_at = now()",
        "update reviewgraph.tenants set plan = 'enterprise'",
        "update reviewgraph.tenants set plan_limits = '{}'",
        "delete from reviewgraph.tenants",
        "insert into reviewgraph.memberships values ('acme', gen_random_uuid(), 'owner', now())",
        "update reviewgraph.memberships set user_id = gen_random_uuid()",
        "update reviewgraph.invitations set role = 'owner'",
        "update reviewgraph.invitations set email = 'eve@example.org'",
        "delete from reviewgraph.invitations",
        "update reviewgraph.tenant_settings set author = 'nobody'",
        "delete from reviewgraph.tenant_settings",
        "delete from reviewgraph.limit_notices",
        "update reviewgraph.tenant_exports set status = 'done'",
        (
            "insert into reviewgraph.feature_overrides (tenant_id, name, is_on)"
            " values ('acme', 'new-thing', true)"
        ),
        "update reviewgraph.feature_flags set is_on = true",
        "update reviewgraph.stage_runs set status = 'done'",
        "delete from reviewgraph.report_documents",
        "update reviewgraph.corrections set value = null",
        "delete from reviewgraph.corrections",
        "update reviewgraph.taxonomies set document = '{}'",
        "delete from reviewgraph.aspect_lexicons",
        "update reviewgraph.nlp_settings set allowed_tiers = '[\"plugin\"]'",
        "update reviewgraph.nlp_settings set models_folder = '/etc'",
        "update reviewgraph.usage_entries set quantity = 0",
        "insert into reviewgraph.usage_entries select * from reviewgraph.usage_entries",
        "delete from reviewgraph.source_days",
        "delete from reviewgraph.events",
        "update reviewgraph.events set actor = 'user:nobody'",
        "insert into reviewgraph.events (tenant_id, sequence) values ('acme', 1)",
        "delete from reviewgraph.event_publications",
        "select * from audit.event_chains",
        "select * from jobs.procrastinate_jobs",
        "insert into reviewgraph.signing_keys values ('a', 'active', '')",
        "update reviewgraph.signing_keys set state = 'active'",
        "delete from reviewgraph.signing_keys",
        "insert into reviewgraph.lasting_keys values ('a', 'api key', '')",
        "update reviewgraph.lasting_keys set sealed = ''",
        "delete from reviewgraph.lasting_keys",
        "update reviewgraph.sessions set user_id = null",
        "update reviewgraph.sessions set ends_at = 'infinity'",
        "delete from reviewgraph.sessions",
        "update reviewgraph.api_keys set scopes = '[\"tenant:close\"]'",
        "update reviewgraph.api_keys set expires_at = 'infinity'",
        "delete from reviewgraph.api_keys",
        "update reviewgraph.erasures set status = 'done', sealed = null",
        "delete from reviewgraph.erasure_marks",
        "insert into reviewgraph.erasure_steps (tenant_id) values ('acme')",
        "truncate reviewgraph.sources",
        "create table reviewgraph.mine (id int)",
        "create table dagster.mine (id int)",
        "select * from reviewgraph.alembic_version",
        "alter table reviewgraph.sources disable row level security",
        f"set role {JOBS_ROLE}",
        "set row_security = off; select * from reviewgraph.sources",
    ],
)
def test_the_application_may_not(database, people, statement):
    refusal = "permission denied|must be owner|would be affected by row-level security"
    with (
        pytest.raises(ProgrammingError, match=refusal),
        database.work("acme", user_id=people["acme"]) as work,
    ):
        work.session.connection().exec_driver_sql(statement)


@pytest.mark.parametrize(
    "statement",
    [
        "update reviewgraph.tenants set status = 'suspended'",
        "update reviewgraph.tenants set status = 'closed', closes_at = now()",
        (
            "insert into reviewgraph.usage_entries"
            " (id, tenant_id, kind, subject, quantity, unit, cost_usd, day)"
            " values (gen_random_uuid(), 'acme', 'reviews_collected', 's', 1, 'review', 0, now())"
        ),
        (
            "insert into reviewgraph.usage_entries"
            " (id, tenant_id, kind, subject, quantity, unit, cost_usd, day)"
            " values (gen_random_uuid(), 'bolt', 'texts_analyzed', 's', 1, 'text', 0, now())"
        ),
    ],
)
def test_a_policy_refuses_the_application(database, people, statement):
    with (
        pytest.raises(ProgrammingError, match="row-level security"),
        database.work("acme", user_id=people["acme"]) as work,
    ):
        work.session.execute(text(statement))


def test_an_application_cannot_end_a_suspension(database):
    with database.jobs() as work:
        work.tenants.create("cold", "Cold")
        work.tenants.set_status("cold", "suspended", reason="unpaid")
    with database.work("cold") as work:
        change = "update reviewgraph.tenants set status = 'active'"
        assert work.session.execute(text(change)).rowcount == 0
    with database.jobs() as work:
        assert work.tenants.require("cold").status == "suspended"
        work.session.execute(text("delete from reviewgraph.tenants where id = 'cold'"))


def test_every_table_is_walled_even_against_its_owner(database):
    query = text(
        "select c.relname, c.relrowsecurity, c.relforcerowsecurity,"
        " array(select p.polname::text from pg_policy p where p.polrelid = c.oid order by 1),"
        " pg_get_userbyid(c.relowner) as owner"
        " from pg_class c where c.relnamespace = 'reviewgraph'::regnamespace"
        " and c.relkind in ('r', 'p') and c.relname <> 'alembic_version'"
    )
    engine = create_engine(database.owner_url, poolclass=NullPool)
    with engine.connect() as connection:
        found = {row.relname: row for row in connection.execute(query)}
    assert set(found) == {name.removeprefix("reviewgraph.") for name in TABLES}
    for name, row in found.items():
        assert row.relrowsecurity, name
        assert row.relforcerowsecurity, name
        assert {"all_rows", "own_rows"} <= set(row.array), name
        assert row.owner not in {APP_ROLE, JOBS_ROLE}


def test_every_policy_names_its_role_and_every_view_asks_as_its_caller(database):
    engine = create_engine(database.owner_url, poolclass=NullPool)
    with engine.connect() as connection:
        policies = connection.execute(
            text("select policyname, roles from pg_policies where schemaname = 'reviewgraph'")
        ).all()
        views = connection.execute(
            text(
                "select relname, reloptions from pg_class where relkind in ('v', 'm')"
                " and relnamespace = 'reviewgraph'::regnamespace"
            )
        ).all()
    for policy in policies:
        assert policy.roles in ([APP_ROLE], [JOBS_ROLE]), policy.policyname
    for view in views:
        assert "security_invoker=true" in (view.reloptions or []), view.relname


def test_policies_ask_once_a_statement_and_not_once_a_row(database):
    engine = create_engine(database.owner_url, poolclass=NullPool)
    with engine.connect() as connection:
        conditions = connection.execute(
            text(
                "select policyname, lower(concat(qual, ' ', with_check)) as said"
                " from pg_policies where schemaname = 'reviewgraph' and policyname <> 'all_rows'"
                " and qual is not null"  # the others let rows in and show none
            )
        ).all()
    assert len(conditions) >= len(TABLES)
    for policy in conditions:
        asked = policy.said.count("current_setting(")
        assert asked == policy.said.count("select nullif(current_setting(") > 0, policy


def test_neither_role_can_bypass_the_wall_or_make_others_that_can(database):
    query = text(
        "select rolname, rolsuper, rolbypassrls, rolcreaterole, rolcreatedb, rolreplication,"
        " exists (select from pg_auth_members m where m.member = r.oid) as is_member"
        " from pg_roles r where rolname in (:app, :jobs)"
    )
    engine = create_engine(database.owner_url, poolclass=NullPool)
    with engine.connect() as connection:
        rows = connection.execute(query, {"app": APP_ROLE, "jobs": JOBS_ROLE}).all()
    assert len(rows) == 2
    for row in rows:
        assert not any(row[1:]), row


def test_references_stay_within_a_tenant(database):
    with database.jobs() as work:
        bolts_source = work.sources.list("bolt")[0]
    with (
        pytest.raises(IntegrityError, match="violates foreign key"),
        database.jobs() as work,
    ):
        work.tasks.plan("acme", "crossing", DAY, bolts_source.id)

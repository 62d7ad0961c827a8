"""Revisions carry rows along, also for an owner that the wall between tenants holds for."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from sqlalchemy import Connection, Engine, NullPool, create_engine, make_url, text

from resources.database.migrations import check, downgrade, upgrade

TENANT = "insert into reviewgraph.tenants (id, name, colour) values ('acme', 'A', '#000000')"
RUN = (
    "insert into reviewgraph.stage_runs (tenant_id, day, stage, status, rows_in, rows_kept,"
    " rows_unchanged, rows_rejected, cost_usd, started_at)"
    " values ('acme', '2026-03-01', :stage, 'done', 1, 1, 0, 0, 0, now())"
)
STAGES = "select stage from reviewgraph.stage_runs order by stage"


@pytest.fixture
def owner(database, postgres) -> Iterator[Engine]:
    """A database of an ordinary owner, who is no superuser, at the newest revision."""
    name = make_url(database.owner_url).database + "_of_an_owner"
    postgres.run_as_owner(f"create role {name} login password 'an owner'")
    postgres.run_as_owner(f"create database {name} owner {name} template template0")
    url = make_url(postgres.address(name)).set(username=name, password="an owner")
    engine = create_engine(url, poolclass=NullPool)
    upgrade(engine)
    yield engine
    postgres.run_as_owner(f"drop database {name} with (force)")
    postgres.run_as_owner(f"drop role {name}")


def unwalled(connection: Connection, table: str) -> None:
    connection.execute(text(f"alter table reviewgraph.{table} no force row level security"))


def walled(connection: Connection, table: str) -> None:
    connection.execute(text(f"alter table reviewgraph.{table} force row level security"))


def test_what_an_older_release_recorded_is_named_as_today_for_any_owner(owner):
    downgrade(owner, "0002")
    with owner.begin() as connection:
        for table in ("tenants", "stage_runs"):
            unwalled(connection, table)
        connection.execute(
            text(
                "insert into reviewgraph.tenants (id, name, colour) values ('acme', 'A', '#000000')"
            )
        )
        for stage in ("normalised", "understood"):
            connection.execute(text(RUN), {"stage": stage})
        for table in ("tenants", "stage_runs"):
            walled(connection, table)
    upgrade(owner)
    check(owner)
    with owner.begin() as connection:
        query = "select relforcerowsecurity from pg_class where relname = 'stage_runs'"
        assert connection.scalar(text(query)) is True
        unwalled(connection, "stage_runs")
        assert connection.scalars(text(STAGES)).all() == ["enriched", "normalised"]
        walled(connection, "stage_runs")
    downgrade(owner, "0002")
    with owner.begin() as connection:
        unwalled(connection, "stage_runs")
        assert connection.scalars(text(STAGES)).all() == ["normalised", "understood"]


def test_policies_of_older_releases_are_rewritten(owner):
    policies = (
        "select count(*) from pg_policies where policyname <> 'all_rows' and qual is not null"
    )
    rewritten = policies + " and qual ilike '%select nullif(current_setting(%'"
    downgrade(owner, "0006")
    with owner.begin() as connection:
        assert connection.scalar(text(rewritten)) == 0
    upgrade(owner)
    with owner.begin() as connection:
        assert connection.scalar(text(rewritten)) == connection.scalar(text(policies)) > 0


def test_whoever_was_let_in_by_an_older_release_has_a_confirmed_address(owner):
    downgrade(owner, "0009")
    with owner.begin() as connection:
        unwalled(connection, "users")
        connection.execute(
            text(
                "insert into reviewgraph.users (email, name, password_hash)"
                " values ('ada@example.com', 'Ada', 'x')"
            )
        )
        walled(connection, "users")
    upgrade(owner)
    check(owner)
    with owner.begin() as connection:
        unwalled(connection, "users")
        query = text("select email_verified_at = created_at from reviewgraph.users")
        assert connection.scalar(query) is True
        connection.execute(text("update reviewgraph.users set password_hash = null"))
        walled(connection, "users")
    downgrade(owner, "0009")
    upgrade(owner)

"""What a reviewer only repeats stays the tenant's; what repeats a reviewer is blanked."""

from __future__ import annotations

import pytest
from psycopg import sql
from sqlalchemy import text

from resources.database.schema import SCHEMA
from resources.privacy.registry import TABLES
from resources.privacy.subjects import Wanted
from tests.erasing_on_a_lake import ask_for, deliver, eraser_on

JANE = Wanted(author="Jane Doe")
HOTEL = "Harbour Grand Hotel"


@pytest.fixture
def acme(database, settings):
    settings.home.mkdir(exist_ok=True)
    with database.jobs() as work:
        work.tenants.create("acme", HOTEL)
    return "acme"


def say(settings, database, *texts, author="Jane Doe"):
    """Let reviews come in that say just this."""
    rows = {"author": [author] * len(texts), "text": texts, "rating": ["1"] * len(texts)}
    deliver(settings, database, rows)


def erase(settings, database, wanted=JANE):
    """Carry an erasure out and return its receipt."""
    done = eraser_on(settings, database).carry_out("acme", ask_for(settings, database, wanted).id)
    assert done.status == "done"
    return done.receipt


@pytest.mark.parametrize(
    ("table", "column"),
    [
        (table, column)
        for table, registered in sorted(TABLES.items())
        for column in sorted(registered.quoting | registered.authored)
    ],
)
def test_whoever_erases_may_blank_each_column_that_is_to_be_blanked(database, table, column):
    statement = sql.SQL("update {table} set {column} = {column} where false").format(
        table=sql.Identifier(SCHEMA, table), column=sql.Identifier(column)
    )
    with database.jobs() as work:
        work.session.connection().exec_driver_sql(statement.as_string(None))


@pytest.mark.parametrize("table", ["corrections", "idempotency_keys"])
def test_whoever_erases_may_delete_the_rows_that_tell_of_one_review(database, table):
    assert TABLES[table].of_review
    with database.jobs() as work:
        work.session.execute(text(f"delete from {SCHEMA}.{table} where false"))


def test_an_erasure_ends_where_the_settings_say_what_a_review_says(settings, database, acme):
    with database.jobs() as work:
        work.tenant_settings.change(acme, {"report_name": HOTEL}, author="ada")
    say(settings, database, HOTEL)
    erase(settings, database)
    with database.jobs() as work:
        choices, _ = work.tenant_settings.current(acme)
    assert choices.report_name == HOTEL


def test_the_tenant_keeps_its_names_and_sources_whatever_a_reviewer_repeats(
    settings, database, acme
):
    with database.jobs() as work:
        source = work.sources.add(acme, "dataforseo", HOTEL, {"keyword": HOTEL}, is_active=True)
        workspace = work.workspaces.create(acme, "location", HOTEL)
    say(settings, database, HOTEL)
    erase(settings, database)
    with database.jobs() as work:
        assert work.tenants.require(acme).name == HOTEL
        kept = work.sources.get(acme, source.id)
        assert (kept.name, dict(kept.config)) == (HOTEL, {"keyword": HOTEL})
        assert work.workspaces.get(acme, workspace.id).name == HOTEL

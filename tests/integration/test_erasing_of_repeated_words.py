"""What a reviewer only repeats stays the tenant's; what repeats a reviewer is blanked."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from psycopg import sql
from sqlalchemy import text

from resources.database.import_records import ImportBatch
from resources.database.schema import SCHEMA
from resources.privacy.registry import TABLES
from resources.privacy.subjects import Wanted
from tests.erasing_on_a_lake import DAY, ask_for, deliver, eraser_on
from tests.odd_events import add_odd_event

JANE = Wanted(author="Jane Doe")
HOTEL = "Harbour Grand Hotel"


pytestmark = pytest.mark.usefixtures("acme")


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


def test_the_receipt_says_what_was_left_and_why(settings, database):
    say(settings, database, HOTEL)
    receipt = erase(settings, database)
    left = receipt["left"]["table reviewgraph.tenants.name"]
    assert left["values"] == 1
    assert "the tenant's" in left["why"]
    assert set(receipt["searched"].values()) == {0}


def test_what_was_written_before_the_review_stays_and_what_was_written_after_is_blanked(
    settings, database, acme
):
    before, after = "a lovely view of the harbour", "my neighbour snored all night"
    topics = topics_with(before)
    with database.jobs() as work:
        work.taxonomies.save(acme, topics, version="v1", author="ada")
    say(settings, database, before, after)
    with database.jobs() as work:
        work.taxonomies.save(acme, topics_with(before, after), version="v2", author="ada")
    receipt = erase(settings, database)
    with database.jobs() as work:
        later, earlier = work.taxonomies.list(acme)
    assert earlier.document == topics
    assert later.document == topics_with(before, "[erased]")
    place = "table reviewgraph.taxonomies.document"
    assert receipt["erased"][place] == 1
    assert receipt["left"][place]["values"] == 2
    assert "before the review came in" in receipt["left"][place]["why"]


def test_a_name_of_a_category_that_was_there_before_stays(settings, database, acme):
    known = "a lovely view of the harbour"
    lexicon = {"categories": {known: "What guests see"}, "terms": [], "aliases": {}}
    with database.jobs() as work:
        work.lexicons.save(acme, lexicon, version="v1", author="ada")
    say(settings, database, known)
    erase(settings, database)
    with database.jobs() as work:
        assert work.lexicons.current(acme).document == lexicon


def topics_with(*examples):
    return {
        "topics": [{"name": "Views", "description": "", "keywords": {}, "examples": [*examples]}]
    }


def test_notes_that_name_the_person_are_blanked(settings, database):
    with database.jobs() as work:
        work.session.execute(
            text("update reviewgraph.tenants set status_reason = 'Jane Doe wrote to us'")
        )
    say(settings, database, "my neighbour snored all night")
    receipt = erase(settings, database)
    with database.jobs() as work:
        reason = work.session.scalar(text("select status_reason from reviewgraph.tenants"))
    assert reason == "[erased] wrote to us"
    assert receipt["left"] == {}


@pytest.mark.parametrize("name", ["title", "author", "rating", "event", "review_key", HOTEL])
def test_a_reviewer_who_is_called_as_something_of_ours_takes_nothing_with_them(
    settings, database, acme, name
):
    log = settings.home / "logs" / "api.log"
    log.parent.mkdir()
    log.write_text(said := f'{{"event": "read {HOTEL}", "fields": ["{name}"]}}\n')
    say(settings, database, "my neighbour snored all night", author=name)
    mapping = {"title": "Headline", "author": "Who", "rating": "Stars"}
    with database.jobs() as work:
        work.imports.record(
            ImportBatch("b1", acme, "shop", "a.csv", 1, 1, DAY, mapping, datetime.now(UTC))
        )
        work.jobs.defer("send_mail", tenant=HOTEL)
        before = everything_about_jobs(work)
    erase(settings, database, Wanted(author=name))
    with database.jobs() as work:
        assert work.imports.get(acme, "b1").mapping == mapping
        assert everything_about_jobs(work) == before
    assert log.read_text() == said


def everything_about_jobs(work):
    return work.session.execute(text("select t::text from jobs.procrastinate_jobs t")).all()


def test_what_programs_are_told_to_do_is_not_changed_by_who_is_called_so(settings, database):
    said = "send_mail"
    with database.jobs() as work:
        work.jobs.defer("send_mail", to="ann@example.com", note=f"read {said} again")
    say(settings, database, "my neighbour snored all night", author=said)
    erase(settings, database, Wanted(author=said))
    with database.jobs() as work:
        row = work.session.execute(
            text("select task_name, queue_name, args from jobs.procrastinate_jobs")
        ).one()
    assert (row.task_name, row.queue_name) == ("send_mail", "default")
    assert row.args["note"] == "read [erased] again"


def test_the_receipt_tells_of_names_in_events_of_earlier_releases(settings, database, acme):
    said = "my neighbour snored all night"
    say(settings, database, said)
    with database.jobs() as work:
        add_odd_event(work, "key.created", "k1", tenant_id=acme, data={"name": said})
    receipt = erase(settings, database)
    told = receipt["left"]["table reviewgraph.events.data"]
    assert told["values"] == 1
    assert "only ever added to" in told["why"]


def test_an_erasure_ends_although_programs_go_on_writing_what_somebody_is_called(
    settings, database
):
    log = settings.home / "logs" / "api.log"
    log.parent.mkdir()
    log.touch()

    def write_again(_step):
        with log.open("a") as file:
            file.write("Uptime Watch is here\n")

    say(settings, database, "my neighbour snored all night", author="Uptime Watch")
    asked = ask_for(settings, database, Wanted(author="Uptime Watch"))
    done = eraser_on(settings, database, write_again).carry_out("acme", asked.id)
    assert done.status == "done"
    assert done.receipt["left"]["file logs/api.log"]["values"] == 1
    assert "file logs/api.log" not in done.receipt["searched"]

"""Work for later exists if, and only if, what made it necessary has been committed."""

from __future__ import annotations

from datetime import timedelta
from importlib.resources import files

import pytest
from sqlalchemy import text
from sqlalchemy.exc import ProgrammingError

from resources.database.migrations import versions
from resources.errors import WrongUsageError

JOBS = text(
    "select task_name, queue_name, args, status::text, lock, scheduled_at > now() as is_later"
    " from jobs.procrastinate_jobs order by id"
)


def jobs_in(database):
    with database.jobs() as work:
        return [dict(row) for row in work.session.execute(JOBS).mappings()]


@pytest.fixture
def acme(database):
    with database.jobs() as work:
        work.tenants.create("acme", "Acme")
    return "acme"


def test_a_job_waits_once_its_transaction_has_been_committed(database, acme):
    with database.work(acme) as work:
        number = work.jobs.defer("count", lock="acme", delay=timedelta(hours=1), days=[1, 2])
        assert number
        assert jobs_in(database) == []
    assert jobs_in(database) == [
        {
            "task_name": "count",
            "queue_name": "default",
            "args": {"days": [1, 2]},
            "status": "todo",
            "lock": "acme",
            "is_later": True,
        }
    ]


def test_a_rollback_leaves_no_job_and_no_mail(database, acme):
    with database.work(acme) as work:
        work.jobs.defer("count")
        work.mail.send("test", to="ann@example.com")
        work.session.rollback()
    assert jobs_in(database) == []


def test_of_jobs_with_one_queueing_lock_one_waits(database):
    with database.jobs() as work:
        assert work.jobs.defer("count", queueing_lock="daily") is not None
        assert work.jobs.defer("count", queueing_lock="daily") is None
        work.jobs.defer("count")
    assert len(jobs_in(database)) == 2


@pytest.mark.parametrize(
    "statement",
    [
        "select * from jobs.procrastinate_jobs",
        "insert into jobs.procrastinate_jobs (queue_name, task_name) values ('q', 't')",
        "select jobs.procrastinate_cancel_job_v1(1, true, true)",
        "select * from jobs.mails_sent",
    ],
)
def test_the_application_hands_work_over_and_sees_none(database, acme, statement):
    with pytest.raises(ProgrammingError, match="permission denied"), database.work(acme) as work:
        work.session.execute(text(statement))


def test_the_row_of_a_mail_holds_an_address_and_the_id_of_its_link(database, acme):
    with database.work(acme) as work:
        mail_id = work.mail.send("test", to="ann@example.com", token_id="7", name="Ann")
    assert [job["args"] for job in jobs_in(database)] == [
        {
            "mail_id": str(mail_id),
            "template": "test",
            "to": "ann@example.com",
            "data": {"token_id": "7", "name": "Ann"},
        }
    ]


@pytest.mark.parametrize("name", ["token", "reset_link", "code", "password", "client_secret"])
def test_what_may_be_a_secret_does_not_become_a_row(database, name):
    with pytest.raises(WrongUsageError, match="token_id"), database.jobs() as work:
        work.mail.send("test", to="ann@example.com", **{name: "x"})


@pytest.mark.parametrize(
    "address",
    [
        "",
        "ann",
        "@example.com",
        "ann@example.com\nBcc: eve@example.com",
        "ann@example.com,eve@example.com",
        "Ann <ann@example.com>",
        "ann@example.com ",
        "ann@b@example.com",
        f"{'a' * 250}@example.com",
    ],
)
def test_a_mail_goes_to_one_plain_address(database, address):
    with pytest.raises(WrongUsageError, match="address"), database.jobs() as work:
        work.mail.send("test", to=address)


def test_the_installed_tables_are_those_of_the_library():
    ours = files(versions).parent / "sql" / "procrastinate_3_10.sql"
    theirs = files("procrastinate") / "sql" / "schema.sql"
    assert theirs.read_text().endswith(ours.read_text().partition("\n\n")[2])

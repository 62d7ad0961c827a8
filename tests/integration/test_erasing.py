"""Erasures beside imports, after kills and for namesakes, on a lake and a database."""

from __future__ import annotations

import multiprocessing
import os
import shutil
import signal
import threading
import time
from itertools import pairwise
from multiprocessing import forkserver

import polars as pl
import pytest

from resources.keys import Keys, UnreadableSecretError
from resources.privacy.erasing import ErasureBusyError, NotErasedError
from resources.privacy.finding import bears_mark, find
from resources.privacy.ledger_file import KeptMark, append, read
from resources.privacy.subjects import (
    ANY_SOURCE,
    Marker,
    Sealer,
    Wanted,
    accounts_in,
    normal_name,
)
from resources.privacy.suppression import screening
from resources.settings import Settings
from resources.storage.lake import Lake
from resources.storage.schemas import RAW_REVIEWS
from tests.erasing_on_a_lake import DAY, ask_for, deliver, eraser_on, rows_of

STEPS = (
    "rows", "ledger", "database", "numbers", "published", "reports", "files", "libraries",
    "versions",
)  # fmt: skip
JANE = Wanted(author="Jane Doe")


@pytest.fixture
def acme(database, settings):
    settings.home.mkdir(exist_ok=True)
    with database.jobs() as work:
        work.tenants.create("acme", "Acme")
    return "acme"


@pytest.fixture
def lake(settings, database):  # noqa: ARG001 - the home of the database's settings
    return Lake.from_settings(settings)


def authors_in(lake):
    return sorted(lake.read(RAW_REVIEWS).frame.collect()["author"].drop_nulls().to_list())


def test_a_name_is_found_however_it_is_spelled_and_no_other_name(settings, database, acme, lake):
    deliver(settings, database, rows_of("Jane Doe", "JANE  doe", "Jane\u00a0Doe", "Jane Doe Jr."))
    found = eraser_on(settings, database).look(acme, Wanted(author=" jane doe "))
    assert found.record_count == 3
    done = eraser_on(settings, database).carry_out(acme, ask_for(settings, database, JANE).id)
    assert done.receipt["records"] == 3
    assert authors_in(lake) == ["Jane Doe Jr."]


def test_namesakes_are_told_apart_by_account_and_source(settings, database, acme, lake):
    columns = {"author_id": ["a1", "a2", "a2"]}
    deliver(settings, database, rows_of("Jane Doe", "Jane Doe", "Jane D.", **columns))
    deliver(settings, database, rows_of("Jane Doe", text="At another shop"), source="market")
    eraser = eraser_on(settings, database)
    listing = eraser.look(acme, JANE).listing
    assert {(source, account) for source, _, account, _, _ in listing} == {
        ("shop", "a1"),
        ("shop", "a2"),
        ("market", ""),
    }
    only = Wanted(account="a2", sources=("shop",))
    eraser.carry_out(acme, ask_for(settings, database, only).id)
    assert authors_in(lake) == ["Jane Doe", "Jane Doe"]
    at_market = Wanted(author="Jane Doe", sources=("market",))
    eraser.carry_out(acme, ask_for(settings, database, at_market).id)
    assert lake.read(RAW_REVIEWS).frame.collect()["source"].to_list() == ["shop"]


def test_an_import_that_was_under_way_is_waited_for(settings, database, acme, lake):
    asked = ask_for(settings, database, JANE)
    outcome = []
    with screening(database, acme):  # it has looked at the marks: there are none yet
        erasing = threading.Thread(
            target=lambda: outcome.append(eraser_on(settings, database).carry_out(acme, asked.id))
        )
        erasing.start()
        deadline = time.monotonic() + 60
        while not marks_of(database):
            assert time.monotonic() < deadline
            time.sleep(0.05)
        deliver(settings, database, rows_of("Jane Doe", "Bob"), screened=False)
        time.sleep(0.3)
        assert not outcome, "it did not wait"
    erasing.join(60)
    assert outcome[0].status == "done"
    assert authors_in(lake) == ["Bob"]


def marks_of(database):
    with database.jobs() as work:
        return work.erasures.marks("acme")


def test_what_lands_later_is_emptied_and_counted_unless_that_was_not_wanted(
    settings, database, acme, lake
):
    eraser = eraser_on(settings, database)
    eraser.carry_out(acme, ask_for(settings, database, JANE).id)
    landed = deliver(settings, database, rows_of("Jane Doe", "Bob"))
    assert landed.records == 2
    rows = lake.read(RAW_REVIEWS).frame.collect().sort("record_number")
    assert rows["author"].to_list() == [None, "Bob"]
    assert rows["payload"][0] == "{}"
    kim = ask_for(settings, database, Wanted(author="Kim Lee"), suppress=False)
    eraser.carry_out(acme, kim.id)
    deliver(settings, database, rows_of("Kim Lee", text="Another one"))
    assert authors_in(lake) == ["Bob", "Kim Lee"]


def test_older_versions_and_the_log_of_the_lake_go_as_well(settings, database, acme, lake):
    deliver(settings, database, rows_of("Jane Doe", "Bob"))
    deliver(settings, database, rows_of("Ann", text="More"))
    before = lake.version(RAW_REVIEWS)
    done = eraser_on(settings, database).carry_out(acme, ask_for(settings, database, JANE).id)
    assert done.receipt["erased"]["files of lake raw_reviews"] == 1
    table = settings.home / "lake" / "raw_reviews"
    log = sorted(path.name for path in (table / "_delta_log").glob("*.json"))
    assert all(int(name.partition(".")[0]) > before for name in log)
    for path in table.rglob("*.parquet"):
        if "_delta_log" not in str(path):
            assert "Jane Doe" not in pl.read_parquet(path)["author"].to_list()
    again = deliver(settings, database, rows_of("Zoe", text="After it"))
    assert again.skipped == 0
    assert authors_in(lake) == ["Ann", "Bob", "Zoe"], "the table goes on"


def test_what_a_killed_writer_left_of_the_person_goes_and_what_another_writes_stays(
    settings, database, acme, lake
):
    deliver(settings, database, rows_of("Jane Doe", "Bob"))
    folder = settings.home / "lake" / "raw_reviews" / f"day={DAY}"
    landed = next(folder.glob("*.parquet"))
    shutil.copy(landed, folder / "left.parquet")
    rows = pl.read_parquet(landed, hive_partitioning=False)
    rows.with_columns(tenant_id=pl.lit("bolt")).write_parquet(folder / "other.parquet")
    (folder / "cut.parquet").write_bytes(landed.read_bytes()[:100])
    eraser_on(settings, database).carry_out(acme, ask_for(settings, database, JANE).id)
    names = {path.name for path in folder.glob("*.parquet")}
    assert {"other.parquet", "cut.parquet"} < names
    assert "left.parquet" not in names
    assert authors_in(lake) == ["Bob"]


def work_until(home, url, name, erasure_id):
    """Go on with an erasure and be killed after a step's effect, before it is noted."""
    from uuid import UUID

    from pydantic import SecretStr

    from resources.database import Database
    from resources.database.erasures import ErasureRepository

    note = ErasureRepository.step_done

    def note_or_die(self, erasure, step, removed):
        if step == name:
            os.kill(os.getpid(), signal.SIGKILL)
        return note(self, erasure, step, removed)

    ErasureRepository.step_done = note_or_die
    settings = Settings(_env_file=None, home=home, database_url=SecretStr(url))
    settings.secret_key = SecretStr((home / "key").read_text())
    with Database(settings) as database:
        eraser_on(settings, database).carry_out("acme", UUID(erasure_id))


def test_an_erasure_that_is_killed_after_any_step_goes_on_from_there(
    settings, database, acme, lake
):
    deliver(settings, database, rows_of("Jane Doe", "Bob", "Jane Doe"))
    (settings.home / "key").write_text(settings.signing_key)
    asked = ask_for(settings, database, JANE)
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["resources.privacy.erasing"])
    try:
        for name in STEPS:
            url = settings.database_url.get_secret_value()
            process = context.Process(
                target=work_until, args=(settings.home, url, name, str(asked.id))
            )
            process.start()
            process.join(120)
            assert process.exitcode == -signal.SIGKILL, name
    finally:
        forkserver._forkserver._stop()
    done = eraser_on(settings, database).carry_out(acme, asked.id)
    assert done.status == "done"
    assert done.attempt == len(STEPS) + 1
    assert authors_in(lake) == ["Bob"]
    with database.jobs() as work:
        assert {step.step for step in work.erasures.steps(done)} == set(STEPS)


def test_an_erasure_is_not_done_while_something_is_left(settings, database, acme, monkeypatch):
    deliver(settings, database, rows_of("Jane Doe"))
    asked = ask_for(settings, database, JANE)
    monkeypatch.setattr("resources.privacy.erasing.erase_rows", lambda *_: {})
    with pytest.raises(NotErasedError, match="lake raw_reviews"):
        eraser_on(settings, database).carry_out(acme, asked.id)
    with database.jobs() as work:
        left = work.erasures.get(acme, asked.id)
    assert left.status == "failed"
    assert "Jane" not in left.error
    monkeypatch.undo()
    assert eraser_on(settings, database).carry_out(acme, asked.id).status == "done"


def test_two_do_not_erase_for_one_tenant_at_once(settings, database, acme):
    deliver(settings, database, rows_of("Jane Doe"))
    asked = ask_for(settings, database, JANE)
    eraser = eraser_on(settings, database)
    with eraser._alone(acme), pytest.raises(ErasureBusyError):
        eraser.carry_out(acme, asked.id)


def test_nobody_who_reads_the_database_learns_who_is_erased(settings, database, acme):
    asked = ask_for(settings, database, JANE)
    again = ask_for(settings, database, Wanted(author="JANE doe"))
    assert again.id == asked.id, "the same person is asked for once"
    assert "Jane" not in repr(asked)
    with pytest.raises(UnreadableSecretError):
        Sealer(Keys("another key"), acme).open(asked.sealed)
    done = eraser_on(settings, database).carry_out(acme, asked.id)
    assert done.sealed is None
    kept = (settings.home / "erasures.jsonl").read_text()
    assert "jane" not in kept.lower()
    assert read(settings.home / "erasures.jsonl")[0].tenant == acme


def test_marks_are_of_one_tenant_and_one_source():
    marker, other = Marker(Keys("key"), "acme"), Marker(Keys("key"), "bolt")
    assert marker.author("shop", "Jane") == marker.author("shop", "JANE ")
    assert len({marker.author("shop", "Jane"), marker.author("x", "Jane"),
                other.author("shop", "Jane"), marker.account("shop", "Jane")}) == 4  # fmt: skip
    rows = pl.DataFrame(
        {"source": ["shop", "x"], "author": ["Jane", "Jane"], "review_id": ["1", "2"]}
    )
    assert bears_mark(rows, {marker.author("shop", "jane")}, marker).to_list() == [True, False]
    assert bears_mark(rows, {marker.author(ANY_SOURCE, "jane")}, marker).to_list() == [True] * 2
    assert bears_mark(rows, {marker.record("x", "2")}, marker).to_list() == [False, True]


def test_who_was_erased_stays_so_when_the_secret_is_replaced_again_and_again(
    settings, database, acme, lake, under
):
    eraser_on(settings, database).carry_out(acme, ask_for(settings, database, JANE).id)
    secrets = (settings.signing_key, "the second secret of it all", "the third secret of it all")
    for previous, secret in pairwise(secrets):
        with under(secret, previous).jobs() as work:
            work.lasting_keys.ensure()
    deliver(settings, under(secrets[-1]), rows_of("Jane Doe", "Bob"))
    assert authors_in(lake) == ["Bob"]


@pytest.mark.parametrize(
    ("name", "normal"),
    [
        ("Jane Doe", "jane doe"),
        ("  JANE\u00a0\tDOE ", "jane doe"),
        ("J&uuml;rgen", "jürgen"),
        ("Ju\u0308rgen", "jürgen"),
        ("\uff2a\uff41\uff4e\uff45", "jane"),
        ("Ja\u200bne", "jane"),
        ("山田 太郎", "山田 太郎"),
    ],
)
def test_names_are_compared_without_what_differs_between_spellings(name, normal):
    assert normal_name(name) == normal


def test_accounts_are_read_from_whatever_a_payload_holds():
    assert accounts_in('{"author_id": 7, "user": {"id": "u9"}, "id": "r1"}') == ["7", "u9"]
    for odd in (None, "", "[]", "{", '"x"', "[" * 5000, '{"author_id": null}'):
        assert accounts_in(odd) == []


def test_the_ledger_file_keeps_each_mark_once_and_survives_a_cut_line(tmp_path):
    mark = KeptMark("acme", f"author:{'a' * 40}", suppress=True)
    append(tmp_path, [mark])
    append(tmp_path, [mark])
    path = tmp_path / "erasures.jsonl"
    path.write_text(path.read_text() + '{"tenant": "ac')
    assert read(path) == [mark]


def test_nothing_is_found_where_nothing_is_marked(lake):
    assert find(lake, "acme", set(), Marker(Keys("key"), "acme")).is_empty

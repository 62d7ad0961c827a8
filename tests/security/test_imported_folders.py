"""What lies in a folder besides ordinary files: links, pipes, devices, names that steer."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from datetime import date
from pathlib import Path

import pytest

from pipelines.cli.console import harmless
from resources.collection.importing import ImportFileError, land, plan_import
from resources.collection.importing.limits import Limits
from resources.storage.lake import Lake
from resources.storage.schemas import RAW_REVIEWS
from resources.values.visible import visible
from tests.hostile_files import CSV, READ

ROOT = Path(__file__).resolve().parents[2]
STEERING = "\x1b]0;owned\x07\x1b[2J\u202evsc.\nError: all is well\r"


@pytest.fixture
def delivery(tmp_path):
    """A folder that somebody handed over, beside a file that they did not."""
    folder = tmp_path / "delivery"
    folder.mkdir()
    (folder / "reviews.csv").write_text(CSV)
    (tmp_path / "other-tenant.csv").write_text(CSV.replace("house", "secret house"))
    return folder


@pytest.fixture
def lake(tmp_path):
    return Lake(str(tmp_path / "lake"))


def put(lake, path, **options):
    plan = plan_import(path, tenant_id="acme", source="shop", **options)
    return land(plan, day=date(2026, 3, 2), lake=lake)


def texts(lake):
    return lake.read(RAW_REVIEWS).frame.collect()["text"].to_list()


def to_a_file(folder):
    (folder / "more.csv").symlink_to(folder.parent / "other-tenant.csv")


def to_a_file_by_a_relative_path(folder):
    (folder / "deeper").mkdir()
    (folder / "deeper" / "more.csv").symlink_to("../../other-tenant.csv")


def to_a_folder(folder):
    (folder / "more").symlink_to(folder.parent)


def by_a_chain(folder):
    (folder / "third.csv").symlink_to(folder.parent / "other-tenant.csv")
    (folder / "second.csv").symlink_to(folder / "third.csv")
    (folder / "first.csv").symlink_to(folder / "second.csv")


def through_a_folder_inside(folder):
    (folder / "up").symlink_to(folder / "..")
    (folder / "more.csv").symlink_to(folder / "up" / "other-tenant.csv")


def to_nothing(folder):
    (folder / "more.csv").symlink_to(folder.parent / "not-there-yet.csv")


def to_a_process(folder):
    (folder / "more.csv").symlink_to("/proc/self/environ")


@pytest.mark.parametrize(
    "lay",
    [to_a_file, to_a_file_by_a_relative_path, to_a_folder, by_a_chain, through_a_folder_inside,
     to_nothing, to_a_process],
)  # fmt: skip
def test_a_link_that_leaves_the_folder_is_refused_and_nothing_lands(delivery, lake, lay):
    lay(delivery)
    with pytest.raises(ImportFileError, match="a symbolic link that leads out of the folder"):
        put(lake, delivery)
    assert texts(lake) == []


def test_links_within_the_folder_bring_nothing_twice(delivery, lake):
    (delivery / "again.csv").symlink_to("reviews.csv")
    (delivery / "here").symlink_to(".")
    (delivery / "ring.csv").symlink_to("ring.csv")
    report = put(lake, delivery)
    assert (report.files, report.records) == (1, READ)
    assert sum("a symbolic link within the folder" in note for note in report.notes) == 3


def test_a_hard_link_is_the_file_itself_and_lands_once(delivery, lake):
    os.link(delivery / "reviews.csv", delivery / "same.csv")
    report = put(lake, delivery)
    assert (report.records, report.skipped) == (READ, 1)


def test_a_link_that_somebody_names_is_followed(delivery, lake, tmp_path):
    (tmp_path / "latest.csv").symlink_to(delivery / "reviews.csv")
    (tmp_path / "latest").symlink_to(delivery)
    assert put(lake, tmp_path / "latest.csv").records == READ
    assert put(lake, tmp_path / "latest").skipped == 1


@pytest.mark.timeout(30)
def test_pipes_sockets_and_devices_in_a_folder_are_passed_over(delivery, lake):
    os.mkfifo(delivery / "pipe.csv")
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(delivery / "socket.csv"))
        report = put(lake, delivery)
    assert report.records == READ
    told = "\n".join(report.notes)
    assert "pipe.csv: passed over, a pipe and not a file" in told
    assert "socket.csv: passed over, a socket and not a file" in told


@pytest.mark.timeout(30)
def test_what_is_no_file_is_refused_by_its_name(tmp_path, lake):
    os.mkfifo(tmp_path / "pipe.csv")
    (tmp_path / "link.csv").symlink_to(tmp_path / "pipe.csv")
    for path, kind in (
        (tmp_path / "pipe.csv", "a pipe, not a file"),
        (tmp_path / "link.csv", "a pipe, not a file"),
        ("/dev/zero", "a device, not a file"),
        ("/proc/self/environ", "is empty"),
        (tmp_path / "nothing.csv", "no file or folder"),
        ("bad\x00name.csv", "cannot be read|no file"),
    ):
        with pytest.raises(ImportFileError, match=kind):
            put(lake, path)


@pytest.mark.timeout(30)
def test_a_pipe_that_takes_the_place_of_a_file_is_not_waited_for(delivery, lake):
    plan = plan_import(delivery, tenant_id="acme", source="shop")
    (delivery / "reviews.csv").unlink()
    os.mkfifo(delivery / "reviews.csv")
    with pytest.raises(ImportFileError, match="was changed while it was read"):
        land(plan, day=date(2026, 3, 2), lake=lake)


def appended(path):
    with path.open("a") as file:
        file.write("One more came in.,5\n")


def replaced(path):
    content = path.read_text()
    path.unlink()
    path.write_text(content.replace("clean", "dirty"))


def exchanged_for_a_link(path):
    path.unlink()
    path.symlink_to(path.parent.parent / "other-tenant.csv")


@pytest.mark.parametrize("change", [appended, replaced, exchanged_for_a_link])
def test_a_file_that_changes_before_it_lands_is_refused(delivery, lake, change):
    plan = plan_import(delivery, tenant_id="acme", source="shop")
    change(delivery / "reviews.csv")
    with pytest.raises(ImportFileError, match="was changed while it was read"):
        land(plan, day=date(2026, 3, 2), lake=lake)
    assert texts(lake) == []


def test_a_file_that_grows_while_it_is_read_is_refused(delivery, lake):
    path = delivery / "reviews.csv"
    plan = plan_import(path, tenant_id="acme", source="shop")
    grown = []

    def grow(*_):
        if not grown:
            grown.append(appended(path))

    with pytest.raises(ImportFileError, match="was changed while it was read"):
        land(plan, day=date(2026, 3, 2), lake=lake, progress=grow)
    assert texts(lake) == []


def test_an_enormous_file_with_nothing_in_it_is_refused_at_once(tmp_path, lake):
    path = tmp_path / "sparse.csv"
    with path.open("wb") as file:
        file.truncate(1 << 40)
    with pytest.raises(ImportFileError, match="more than the"):
        put(lake, path)


def test_a_folder_of_too_many_files_is_refused(delivery, lake):
    for number in range(5):
        (delivery / f"{number}.csv").write_text(CSV)
    with pytest.raises(ImportFileError, match="holds more than 5 files"):
        put(lake, delivery, limits=Limits(files=5))


def names(folder):
    """Names that steer a terminal, forge a line, turn the writing around, or are no text."""
    steering = folder / f"{STEERING}.csv"
    steering.write_text(CSV)
    no_text = folder / os.fsdecode(b"caf\xe9.csv")
    no_text.write_text(CSV.replace("house", "hall"))
    (folder / f"{STEERING}.png").write_text("x")


def test_names_that_steer_reach_no_note_and_no_record_of_the_import(delivery, lake):
    names(delivery)
    plan = plan_import(delivery, tenant_id="acme", source="shop")
    report = land(plan, day=date(2026, 3, 2), lake=lake)
    told = [*report.notes, *(batch.file_name for batch in report.batches)]
    told += [guess.name for batch in report.batches for guess in batch.guesses]
    assert all(text.isprintable() for text in told), told
    assert any(r"\x1b]0;owned" in text for text in told)
    assert any("\\udce9" in text for text in told)
    json.dumps(told, ensure_ascii=False).encode()


def test_names_that_steer_reach_no_error(tmp_path, lake):
    (tmp_path / f"{STEERING}.csv").write_text("stars,day\n1,2\n")
    for path in (tmp_path / f"{STEERING}.csv", tmp_path / f"{STEERING}nothing.csv"):
        with pytest.raises(ImportFileError) as caught:
            put(lake, path)
        assert str(caught.value).isprintable()


def test_what_is_printed_steers_no_terminal():
    shown = harmless(f"{STEERING} \ud800 \u2066")
    assert not set(shown) & set("\x1b\x07\r\u202e\u2066\ud800")
    shown.encode()


def test_ordinary_names_in_any_script_stay_as_they_are():
    for name in (
        "Bewertungen März.csv",
        "レビュー　一覧.csv",
        "X",
        "👍🏽 reviews.csv",
    ):
        assert visible(name) == name


def test_the_command_names_a_hostile_file_without_being_steered(tmp_path):
    path = tmp_path / f"{STEERING}.csv"
    path.write_text("stars,day\n1,2\n")
    done = subprocess.run(
        [sys.executable, "-m", "pipelines.cli", "import", str(path), "--tenant", "acme"],
        cwd=ROOT,
        env={**os.environ, "REVIEWGRAPH_HOME": str(tmp_path / "home")},
        capture_output=True,
        check=False,
    )
    assert done.returncode == 1
    said = (done.stdout + done.stderr).decode()
    assert "no column that looks like the text of a review" in said
    assert not set(said) & set("\x1b\x07\r\u202e"), said
    assert not any(line.startswith("Error: all is well") for line in said.splitlines())

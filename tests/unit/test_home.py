"""A home is closed to other users of the machine, whoever opened it and however it became open."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
import time

import pytest

from resources import home as private
from resources.home import HomeError, make_private, sweep_drafts
from resources.settings import PROJECT_ROOT

OPEN_FOLDER, OPEN_FILE = 0o755, 0o644


def mode(path):
    return stat.S_IMODE(path.lstat().st_mode)


@pytest.fixture
def older_home(tmp_path):
    """A home as it was written before files were private."""
    home = tmp_path / "home"
    for name in ("lake/reviews/_delta_log", "reports/acme", "logs"):
        (home / name).mkdir(parents=True)
    for name in ("secret_key", "in-use.lock", "lake/reviews/part.parquet", "reports/acme/a.pdf"):
        (home / name).write_text("x")
    for path in (home, *home.rglob("*")):
        path.chmod(OPEN_FOLDER if path.is_dir() else OPEN_FILE)
    return home


def test_a_new_home_is_private_whatever_the_umask(tmp_path):
    before = os.umask(0)
    try:
        assert make_private(tmp_path / "new") is None
    finally:
        os.umask(before)
    assert mode(tmp_path / "new") == 0o700


def test_an_open_home_is_closed_to_the_last_file_and_that_is_said_once(older_home):
    assert "could read files" in make_private(older_home)
    for path in (older_home, *older_home.rglob("*")):
        assert mode(path) == (0o700 if path.is_dir() else 0o600), path
    assert make_private(older_home) is None


@pytest.mark.parametrize("opened", ["secret_key", "reports", "logs"])
def test_what_a_hand_opened_in_a_closed_home_is_closed(older_home, opened):
    make_private(older_home)
    (older_home / opened).chmod(0o777)
    assert make_private(older_home) is not None
    assert mode(older_home / opened) in {0o700, 0o600}


def test_a_folder_that_serves_others_too_is_left_as_it_is_but_for_our_files(older_home):
    (older_home / "letters.txt").write_text("mine")
    (older_home / "letters.txt").chmod(OPEN_FILE)
    notice = make_private(older_home)
    assert f"chmod -R go-rwx {older_home}" in notice
    assert mode(older_home) == OPEN_FOLDER
    assert mode(older_home / "letters.txt") == OPEN_FILE
    assert mode(older_home / "secret_key") == 0o600
    assert mode(older_home / "reports" / "acme" / "a.pdf") == 0o600


def test_a_link_out_of_the_home_is_not_followed(older_home, tmp_path):
    outside = tmp_path / "outside"
    outside.write_text("somebody else's")
    outside.chmod(OPEN_FILE)
    (older_home / "reports" / "link").symlink_to(outside)
    make_private(older_home)
    assert mode(outside) == OPEN_FILE


def test_a_home_behind_a_link_is_looked_at_where_it_is(older_home, tmp_path):
    (tmp_path / "link").symlink_to(older_home)
    assert make_private(tmp_path / "link") is not None
    assert mode(older_home) == 0o700


@pytest.mark.skipif(os.geteuid() != 0, reason="only root runs PostgreSQL under another account")
def test_the_database_s_account_may_pass_through_the_home_and_nobody_else(older_home):
    (older_home / "postgres").mkdir()
    os.chown(older_home / "postgres", 65_534, 65_534)
    make_private(older_home)
    assert mode(older_home) == 0o710
    assert older_home.stat().st_gid == 65_534
    assert make_private(older_home) is None
    os.chown(older_home, 0, 0)  # the same bit for another group is a gap
    assert make_private(older_home) is not None


DRAFTS = [
    "secret_key.4711",
    "dagster/dagster.yaml.0f",
    "reports/acme/report.pdf.part",
    "models/acme/.3f2a-x/file",
]
KEPT = [
    "secret_key",
    "dagster/dagster.yaml",
    "reports/acme/report.pdf",
    "models/acme/3f2a/file",
]


@pytest.mark.parametrize(("age", "left"), [(7200, KEPT), (0, [*KEPT, *DRAFTS])])
def test_drafts_of_killed_processes_go_and_those_of_living_ones_stay(tmp_path, age, left):
    for name in (*DRAFTS, *KEPT):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("x")
    for path in tmp_path.rglob("*"):
        os.utime(path, (time.time() - age,) * 2)
    sweep_drafts(tmp_path)
    found = {str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*") if path.is_file()}
    assert found == set(left)


def test_a_home_that_cannot_be_made_is_said_in_one_sentence(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(HomeError, match="REVIEWGRAPH_HOME"):
        make_private(tmp_path / "file" / "home")


def test_files_of_a_private_process_are_private(tmp_path):
    before = os.umask(0)
    try:
        private.keep_private()
        (tmp_path / "folder").mkdir()
        (tmp_path / "file").write_text("")
    finally:
        os.umask(before)
    assert mode(tmp_path / "folder") == 0o700
    assert mode(tmp_path / "file") == 0o600


@pytest.mark.parametrize(
    ("program", "umask"),
    [
        ("/venv/bin/dagster", "0o77"),
        ("/venv/bin/dagster-daemon", "0o77"),
        ("/venv/lib/dagster/__main__.py", "0o77"),
        ("/venv/bin/pytest", "0o22"),
    ],
)
def test_dagster_s_processes_are_private_and_importing_the_graph_changes_no_other(program, umask):
    code = (
        f"import os, sys; os.umask(0o22); sys.argv[0] = {program!r}; "
        "import pipelines.definitions; print(oct(os.umask(0)))"
    )
    answer = subprocess.run(
        [sys.executable, "-c", code], cwd=PROJECT_ROOT, capture_output=True, text=True, check=True
    )
    assert answer.stdout.strip() == umask


def test_what_a_command_writes_is_private_wherever_it_writes(tmp_path):
    world = tmp_path / "world"
    command = ["generate", "--reviews", "10", "--tenants", "1", "--out", str(world)]
    subprocess.run(
        [sys.executable, "-m", "pipelines.cli", *command],
        cwd=PROJECT_ROOT,
        umask=0o022,
        check=True,
        capture_output=True,
    )
    written = [world, *world.rglob("*")]
    assert len(written) > 3
    assert not [path for path in written if mode(path) & 0o077]

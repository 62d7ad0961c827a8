"""The real command on a machine that refuses: one sentence, no statement, nothing lost."""

from __future__ import annotations

import os
import resource
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from pipelines.session import open_session
from resources.settings import PROJECT_ROOT, Settings

WALL = ("Traceback", "[SQL:", "[parameters:", "INSERT", "sqlalche.me")
REVIEWS = "id,text,rating,date\n" + "".join(
    f"{n},The room {n} was lovely and the staff very kind,{n % 5 + 1},2026-01-{n % 28 + 1}\n"
    for n in range(40)
)
MIB = 2**20


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "reviews.csv"
    path.write_text(REVIEWS)
    return path


@pytest.fixture
def small_disk(tmp_path):
    """A function that mounts a disk of some MiB; skips where this user may not mount one."""
    folder = tmp_path / "disk"
    folder.mkdir()

    def mounted(mib):
        command = ["mount", "-t", "tmpfs", "-o", f"size={mib}m,mode=755", "tmpfs", str(folder)]
        if shutil.which("mount") is None or subprocess.run(command, check=False).returncode:
            pytest.skip("a small disk can only be mounted by root")
        return folder

    yield mounted
    if os.path.ismount(folder):
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


def run(*arguments, home, **options):
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith("REVIEWGRAPH_")
    }
    return subprocess.run(
        [sys.executable, "-m", "pipelines.cli", *map(str, arguments)],
        cwd=PROJECT_ROOT,
        env={**environment, "REVIEWGRAPH_HOME": str(home), "REVIEWGRAPH_WORKERS": "1"},
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
        **options,
    )


def assert_one_sentence(answer, *words):
    assert answer.returncode == 1, answer.stderr
    said = [line for line in answer.stderr.splitlines() if line.strip()]
    assert len(said) == 1, answer.stderr
    assert not [mark for mark in WALL if mark in answer.stderr + answer.stdout]
    for word in words:
        assert word in said[0]


def test_a_disk_too_small_for_a_database_is_one_sentence(small_disk, file):
    home = small_disk(3) / "home"
    answer = run("import", file, "--tenant", "acme", home=home)
    assert_one_sentence(answer, "is full. Free some space", "The details are in")


def test_a_disk_that_fills_up_during_a_run_loses_nothing(small_disk, file):
    """The disk fills once the reviews are landed; with room again the import ends as it should."""
    disk = small_disk(200)
    home = disk / "home"
    assert run("tenant", "create", "acme", home=home).returncode == 0
    landed = run("import", file, "--tenant", "acme", "--collect-only", home=home)
    assert landed.returncode == 0, landed.stderr
    ballast = disk / "ballast"
    free = shutil.disk_usage(disk).free
    ballast.write_bytes(b"x" * (free - 3 * MIB))
    answer = run("import", file, "--tenant", "acme", home=home)
    assert_one_sentence(answer, f"{home} is full", "run the same command again")
    ballast.unlink()
    again = run("import", file, "--tenant", "acme", home=home)
    assert again.returncode == 0, again.stderr
    assert "collected 40 = kept 40" in again.stdout


def test_a_home_that_can_only_be_read_is_one_sentence(small_disk):
    disk = small_disk(100)
    home = disk / "home"
    home.mkdir(mode=0o700)
    subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)
    answer = run("status", home=home)
    assert_one_sentence(answer, "Read-only file system", "REVIEWGRAPH_HOME")


def test_too_few_open_files_are_one_sentence(tmp_path, file):
    """The database runs already: with so few files it would take a minute not to start."""

    def limit():
        resource.setrlimit(resource.RLIMIT_NOFILE, (24, 24))

    home = tmp_path / "home"
    with open_session(Settings(_env_file=None, home=home)):
        answer = run("import", file, "--tenant", "acme", home=home, preexec_fn=limit)
    assert_one_sentence(answer, "Too many files are open", "ulimit -n")


def test_a_full_standard_output_is_one_sentence_that_does_not_blame_the_home(tmp_path):
    with Path("/dev/full").open("w") as full:
        answer = subprocess.run(
            [sys.executable, "-m", "pipelines.cli", "generate", "--reviews", "10", "--tenants",
             "1", "--out", str(tmp_path / "world")],
            cwd=PROJECT_ROOT,
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )  # fmt: skip
    assert answer.returncode == 1
    assert "standard output is full" in answer.stderr
    assert "Traceback" not in answer.stderr

"""A refusal of the machine is recognised in whatever dress a library gives it."""

from __future__ import annotations

import errno
import os

import pytest
from sqlalchemy.exc import OperationalError

from pipelines.cli import explaining
from pipelines.launch import RunFailedError
from resources.database.errors import EmbeddedServerError
from resources.errors import ReviewGraphError, WrongUsageError
from resources.faults import FAULTS, fault_told_by, find_fault, place_in


class DiskFullError(Exception):
    """What psycopg and psycopg2 raise, by the attributes that matter."""

    sqlstate = "53100"


def fault_of(number):
    return next(fault for fault in FAULTS if number in fault.numbers)


def chained(error):
    outer = RuntimeError("the step failed")
    outer.__cause__ = error
    return outer


FULL = fault_of(errno.ENOSPC)


@pytest.mark.parametrize("number", [n for fault in FAULTS for n in fault.numbers])
def test_every_number_is_recognised_alone_and_behind_other_errors(number):
    error = OSError(number, os.strerror(number), "/data/file")
    assert find_fault(error) is fault_of(number)
    assert find_fault(chained(error)) is fault_of(number)
    assert str(place_in(chained(error))) == "/data/file"


@pytest.mark.parametrize("number", [n for fault in FAULTS for n in fault.numbers])
def test_the_system_s_own_words_are_recognised_in_a_message(number):
    assert fault_told_by(f"Generic error: {os.strerror(number)} (os error {number})") is not None
    found = fault_told_by(f"Generic LocalFileSystem error: (os error {number})")
    assert found is fault_of(number)


@pytest.mark.parametrize(
    "error",
    [
        OperationalError("insert into x", {"text": "secret"}, DiskFullError("could not extend")),
        ExceptionGroup("several", [ValueError("a"), OSError(errno.ENOSPC, "full")]),
        RuntimeError("IO Error: Could not write: No space left on device"),
    ],
)
def test_a_full_disk_is_recognised_behind_drivers_groups_and_words(error):
    assert find_fault(error) is FULL


@pytest.mark.parametrize(
    "said",
    [
        "server closed the connection unexpectedly\n\tThis probably means the server terminated",
        'connection to server at "127.0.0.1", port 5432 failed: Connection refused',
        'connection to server on socket "/run/.s.PGSQL.1" failed: No such file or directory',
        "terminating connection due to administrator command",
        "the connection is lost",
        "FATAL:  the database system is shutting down",
    ],
)
def test_a_database_that_died_in_a_run_is_recognised_by_its_words(said):
    fault = fault_told_by(f"sqlalchemy.exc.OperationalError: (psycopg2.OperationalError) {said}")
    assert "reviewgraph doctor" in fault.next_step


def test_a_run_whose_database_died_is_one_sentence_with_what_to_do(home, capsys):
    died = RunFailedError(
        "The step marts failed: no more", "OperationalError: the connection is lost"
    )
    assert explaining.explain(died) == 1
    said = capsys.readouterr().err
    assert "PostgreSQL ended the connection" in said
    assert "run the same command again" in said
    assert list((home / "logs").iterdir())


def test_what_was_handled_before_is_no_cause():
    error = ValueError("something else")
    error.__context__ = OSError(errno.ENOSPC, "full")
    assert find_fault(error) is FULL
    error.__suppress_context__ = True  # as after "from None"
    assert find_fault(error) is None


def test_other_errors_are_no_fault_of_the_machine():
    assert find_fault(ValueError("a review said: the room had no space")) is None
    assert find_fault(FileNotFoundError(errno.ENOENT, "No such file")) is None


@pytest.fixture
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("REVIEWGRAPH_HOME", str(tmp_path / "home"))
    (tmp_path / "home").mkdir()
    return tmp_path / "home"


def explained(error, capsys):
    code = explaining.explain(error)
    return code, capsys.readouterr().err


def test_an_unforeseen_error_is_a_line_and_a_private_file(home, capsys):
    error = OperationalError("select a, b from reviews", {"text": "secret words"}, Exception("bad"))
    code, said = explained(chained(error), capsys)
    assert code == 1
    assert "select a" not in said
    assert "secret words" not in said
    assert len(said.splitlines()) == 1
    (file,) = (home / "logs").iterdir()
    assert str(file) in said
    assert "select a, b from reviews" in file.read_text()
    assert file.stat().st_mode & 0o777 == 0o600


def test_two_errors_of_the_same_second_have_two_files(home, capsys):
    explained(ValueError("one"), capsys)
    explained(ValueError("two"), capsys)
    assert len(list((home / "logs").iterdir())) == 2


def test_a_failed_step_names_its_cause_and_keeps_its_traceback(home, capsys):
    error = RunFailedError("The step counted failed: it broke", "Traceback: the whole of it")
    _, said = explained(error, capsys)
    assert "The step counted failed: it broke" in said
    (file,) = (home / "logs").iterdir()
    assert "the whole of it" in file.read_text()


@pytest.mark.parametrize(
    "error",
    [
        OSError(errno.ENOSPC, "No space left on device"),
        RunFailedError("The step counted failed: No space left on device"),
        RunFailedError("The step counted failed: it broke", "OSError: (os error 28)"),
        EmbeddedServerError("It does not start:\nFATAL: could not write: No space left on device"),
    ],
)
@pytest.mark.usefixtures("home")
def test_a_full_disk_is_one_sentence_with_what_to_do(capsys, error):
    code, said = explained(error, capsys)
    assert code == 1
    assert "is full. Free some space" in said
    assert len(said.splitlines()) == 1


@pytest.mark.parametrize("error", [ReviewGraphError("Say this."), WrongUsageError("Say this.")])
def test_a_foreseen_error_is_said_as_it_is_with_its_own_code(home, capsys, error):
    assert explained(error, capsys) == (error.exit_code, "Error: Say this.\n")
    assert not (home / "logs").exists()


def test_details_that_fit_nowhere_in_the_home_go_to_the_temporary_files(
    tmp_path, monkeypatch, capsys
):
    (tmp_path / "file").write_text("no folder")
    (tmp_path / "temporary").mkdir()
    monkeypatch.setenv("REVIEWGRAPH_HOME", str(tmp_path / "file"))
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "temporary"))
    _, said = explained(ValueError("broken"), capsys)
    (file,) = (tmp_path / "temporary").iterdir()
    assert str(file) in said
    assert file.stat().st_mode & 0o777 == 0o600

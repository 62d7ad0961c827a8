"""Ctrl-C and SIGTERM, at a bad moment, more than once, and where they cannot be obeyed."""

from __future__ import annotations

import signal
import subprocess
import sys
from contextlib import suppress

import pytest

from pipelines import interrupts, loading
from resources.settings import PROJECT_ROOT

BEGIN = """
import gc, os, sys, time, weakref
from pipelines import interrupts, loading
interrupts.end_on_first_signal()
def ready(): print("ready", flush=True)
def wait():  # in short sleeps: a signal just before a long one would be noticed after it
    for _ in range(600): time.sleep(0.1)
def say(word): print(word, flush=True)
"""
WORK = (
    BEGIN
    + """
try:
    with interrupts.obeyed(lambda: say("cancel"), lambda: say("cancelled")):
        ready()
        {work}
except KeyboardInterrupt:
    say("interrupted")
    time.sleep({ending})
    say("ended")
"""
)
MAKES_SOMETHING_ELSE_OF_IT = """
        try:
            wait()
        except BaseException:
            raise ValueError("the step failed")
"""
SWALLOWS_IT = """
        try:
            wait()
        except BaseException:
            pass
"""
LOSES_IT_IN_AN_IMPORT = (
    BEGIN
    + """
import pathlib, tempfile
folder = pathlib.Path(tempfile.mkdtemp())
(folder / "slow.py").write_text("import time; print('ready', flush=True); time.sleep(1.5)")
sys.path.insert(0, str(folder))
try:
    try:
        import slow
    except BaseException:
        say("taken for a module that is not there")
    wait()
except KeyboardInterrupt:
    say("interrupted")
"""
)
LOSES_IT_IN_A_DESTRUCTOR = (
    BEGIN
    + """
class Slow:
    def __del__(self):
        ready()
        time.sleep(1.5)
try:
    Slow()
    wait()
except KeyboardInterrupt:
    say("interrupted")
"""
)
IS_STUCK = (
    BEGIN
    + """
import threading
interrupts.MAX_ENDING_SECONDS = 0.5
stuck = threading.Lock()
stuck.acquire()
with interrupts.obeyed(lambda: say("cancel"), lambda: say("cancelled")):
    try:
        ready()
        stuck.acquire()
    except KeyboardInterrupt:
        stuck.acquire()
"""
)


def run(script: str, *signals: signal.Signals) -> subprocess.CompletedProcess[str]:
    """Run a script, send it signals once it is ready, and return what became of it."""
    process = subprocess.Popen(
        [sys.executable, "-c", script],
        cwd=PROJECT_ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    with process:
        try:
            assert process.stdout.readline() == "ready\n"
            for number in signals:
                process.send_signal(number)
                with suppress(subprocess.TimeoutExpired):
                    process.wait(0.2)
            out, err = process.communicate(timeout=50)
        finally:
            process.kill()  # one that did not end must not trouble the tests that follow
    return subprocess.CompletedProcess(script, process.returncode, out, err)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("work", [MAKES_SOMETHING_ELSE_OF_IT, SWALLOWS_IT, "wait()"])
def test_a_signal_is_an_interrupt_whatever_the_work_makes_of_it(number, work):
    done = run(WORK.format(work=work.strip(), ending=0), number)
    assert done.stdout.split() == ["cancel", "cancelled", "interrupted", "ended"]
    assert done.stderr == ""


def test_further_signals_do_not_disturb_the_ending():
    signals = [signal.SIGINT, signal.SIGINT, signal.SIGTERM]
    done = run(WORK.format(work="wait()", ending=1), *signals)
    assert done.stdout.split() == ["cancel", "cancelled", "interrupted", "ended"]
    assert (done.returncode, done.stderr) == (0, "")


def test_work_that_ends_by_itself_is_not_interrupted():
    done = run(WORK.format(work="pass", ending=0))
    assert (done.returncode, done.stdout) == (0, "")


def test_an_error_without_a_signal_stays_that_error():
    with pytest.raises(ValueError, match="plain"), interrupts.obeyed(pytest.fail, pytest.fail):
        raise ValueError("plain")


def test_an_interrupt_waits_until_a_module_is_loaded():
    done = run(LOSES_IT_IN_AN_IMPORT, signal.SIGINT)
    assert done.stdout.split() == ["interrupted"]
    assert done.stderr == ""


def test_an_interrupt_that_python_cannot_pass_on_is_repeated():
    done = run(LOSES_IT_IN_A_DESTRUCTOR, signal.SIGINT)
    assert done.stdout.split() == ["interrupted"]
    assert done.stderr == ""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_program_that_is_interrupted_while_it_loads_says_the_sentence(number):
    done = run(
        BEGIN + "with loading.ToldWhileLoading(): ready(); wait()",
        number,
    )
    assert (done.returncode, done.stderr) == (interrupts.INTERRUPTED, f"{interrupts.SENTENCE}\n")


def test_loading_leaves_the_handlers_of_others_as_they_were():
    before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    with loading.ToldWhileLoading():
        pass
    assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)] == before


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_no_signal_falls_in_between_loading_a_command_and_running_it(number):
    done = run(
        "import sys; sys.argv = ['/usr/bin/reviewgraph']; from pipelines.cli import main;"
        " import time; print('ready', flush=True); [time.sleep(0.1) for _ in range(600)]",
        number,
    )
    assert (done.returncode, done.stderr) == (interrupts.INTERRUPTED, f"{interrupts.SENTENCE}\n")


def test_what_obeys_signals_first_loads_nothing_that_takes_long():
    script = (
        "import os, signal, sys, types; before = set(sys.modules); import pipelines.loading;"
        " print(*set(sys.modules) - before)"
    )
    command = [sys.executable, "-S", "-c", script]
    done = subprocess.run(command, cwd=PROJECT_ROOT, capture_output=True, text=True, check=True)
    assert set(done.stdout.split()) <= {"__future__", "pipelines", "pipelines.loading"}


def test_an_ending_that_is_stuck_is_cut_short_with_the_same_sentence_and_code():
    done = run(IS_STUCK, signal.SIGTERM)
    assert done.returncode == interrupts.INTERRUPTED
    assert done.stdout.split() == ["cancel", "cancelled"]
    assert done.stderr == f"{interrupts.SENTENCE}\n"

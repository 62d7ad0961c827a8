"""The worker sends each mail once, whoever is killed and however many work."""

from __future__ import annotations

import os
import signal
import socketserver
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from pathlib import Path

import pytest
from pydantic import SecretStr
from sqlalchemy import text

from resources.sandbox.mail import MailFolder

REVIEWGRAPH = Path(sys.executable).parent / "reviewgraph"
pytestmark = pytest.mark.slow
WAITING = text("select status::text from jobs.procrastinate_jobs where task_name = 'send_mail'")


@pytest.fixture
def start(settings, database, tmp_path):
    """Starts a worker over the test's database, and leaves none running."""
    workers = []

    def start_one(**environment):
        with (tmp_path / "worker.log").open("ab") as log:
            workers.append(
                subprocess.Popen(
                    [REVIEWGRAPH, "worker"],
                    env={**os.environ, **settings.environment(), **environment},
                    stdout=log,
                    stderr=log,
                    cwd=tmp_path,
                )
            )
        return workers[-1]

    assert database  # the settings lead to it
    yield start_one
    for worker in workers:
        worker.kill()
        worker.wait()


def log_of(tmp_path):
    return (tmp_path / "worker.log").read_text()


def wait_until(condition, seconds=120):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.1)


def states(database):
    with database.jobs() as work:
        return list(work.session.scalars(WAITING))


def send(database, count):
    for n in range(count):
        with database.jobs() as work:
            work.mail.send("test", to=f"ann{n}@example.com")


@contextmanager
def counting_server(seconds=0.0):
    """An SMTP server on loopback; its address, and whom it has taken mails for."""
    received = []

    class Taking(socketserver.StreamRequestHandler):
        def handle(self):
            self.wfile.write(b"220 ready\r\n")
            recipient = ""
            while line := self.rfile.readline():
                word = line[:4].upper()
                if word == b"RCPT":
                    recipient = line.decode().partition("<")[2].partition(">")[0]
                if word == b"DATA":
                    self.wfile.write(b"354 go on\r\n")
                    while self.rfile.readline() not in (b".\r\n", b""):
                        pass
                    if is_over.wait(seconds):
                        return
                    received.append(recipient)
                self.wfile.write(b"221 bye\r\n" if word == b"QUIT" else b"250 well\r\n")
                if word == b"QUIT":
                    return

    is_over = threading.Event()
    server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Taking)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"smtp://127.0.0.1:{server.server_address[1]}", received
    finally:
        is_over.set()
        server.shutdown()
        server.server_close()
        thread.join()


def test_without_a_mail_server_mails_are_kept_in_the_home(start, settings, database, tmp_path):
    send(database, 3)
    worker = start()
    wait_until(lambda: states(database) == [])
    assert len(MailFolder(settings.mails_path).all()) == 3
    assert settings.mails_path.stat().st_mode & 0o077 == 0
    worker.send_signal(signal.SIGTERM)
    assert worker.wait(30) == 0
    assert "ann0" not in log_of(tmp_path)


def test_two_workers_send_each_mail_once(start, settings, database):
    send(database, 30)
    with counting_server() as (address, received):
        settings.smtp_url = SecretStr(address)
        start()
        start()
        wait_until(lambda: states(database) == [])
    assert sorted(received) == sorted(f"ann{n}@example.com" for n in range(30))


def test_what_a_killed_worker_had_under_way_is_done_by_another(start, settings, database):
    with counting_server(seconds=600) as (address, received):
        settings.smtp_url = SecretStr(address)
        send(database, 2)
        worker = start()
        wait_until(lambda: states(database) == ["doing", "doing"])
        worker.send_signal(signal.SIGKILL)
        worker.wait()
        assert received == []
    with counting_server() as (address, received):
        settings.smtp_url = SecretStr(address)
        start()
        wait_until(lambda: states(database) == [])
    assert sorted(received) == ["ann0@example.com", "ann1@example.com"]


def test_a_worker_that_is_asked_to_stop_finishes_what_it_has_begun(start, settings, database):
    with counting_server(seconds=3) as (address, received):
        settings.smtp_url = SecretStr(address)
        send(database, 1)
        worker = start()
        wait_until(lambda: states(database) == ["doing"])
        worker.send_signal(signal.SIGTERM)
        assert worker.wait(60) == 0
    assert received == ["ann0@example.com"]
    assert states(database) == []

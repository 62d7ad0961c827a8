"""A service that is down or hangs is found out within seconds, and nobody else waits for it."""

from __future__ import annotations

import socket
import socketserver
import threading
import time
from email.message import EmailMessage
from urllib.parse import urlsplit

import pytest

from resources.messaging import MailRefusedError, MailUnavailableError, SmtpMailer
from resources.telemetry import breaker_of
from resources.telemetry.breakers import MAX_FAILURES
from tests.api_world import read


@pytest.fixture
def silent_server():
    """Takes connections and says nothing."""
    with socket.create_server(("127.0.0.1", 0), backlog=50) as server:
        yield server.getsockname()[1]


def mail(to="b@example.com"):
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = "a@example.com", to, "s"
    return message


class Answering(socketserver.StreamRequestHandler):
    """A mail server that gives one command the answer of its test, and takes everything else."""

    def handle(self):
        self.wfile.write(b"220 ready\r\n")
        while line := self.rfile.readline():
            word = line[:4].upper().decode()
            if word == "DATA" and word not in self.server.answers:
                self.wfile.write(b"354 go on\r\n")
                while self.rfile.readline() not in (b".\r\n", b""):
                    pass
            answer = self.server.answers.get(word, "221 bye" if word == "QUIT" else "250 well")
            self.wfile.write(f"{answer}\r\n".encode())
            if word == "QUIT":
                return


@pytest.fixture
def answering_server():
    """A mail server on loopback; ``answers`` is what it says to which command."""
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Answering) as server:
        server.daemon_threads = True
        server.answers = {}
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def mailer_of(server, **more):
    return SmtpMailer("127.0.0.1", server.server_address[1], **more)


@pytest.mark.parametrize(
    ("to", "answers", "error"),
    [
        ("ü@example.com", {}, MailRefusedError),  # the server does not know SMTPUTF8
        ("b@example.com", {"RCPT": "550 no such person"}, MailRefusedError),
        ("b@example.com", {"MAIL": "553 not from there"}, MailRefusedError),
        ("b@example.com", {"DATA": "554 this is spam"}, MailRefusedError),
        ("b@example.com", {"RCPT": "450 come again later"}, MailUnavailableError),
        ("b@example.com", {"DATA": "451 not now"}, MailUnavailableError),
    ],
)
def test_what_is_wrong_with_some_mails_keeps_no_other_waiting(answering_server, to, answers, error):
    answering_server.answers = answers
    mailer = mailer_of(answering_server)
    for _ in range(2 * MAX_FAILURES):
        with pytest.raises(error):
            mailer.send(mail(to))
    assert breaker_of("smtp").state == "closed"
    answering_server.answers = {}
    mailer.send(mail())


@pytest.mark.parametrize("answers", [{"MAIL": "421 closing"}, {"EHLO": "502 no", "HELO": "502 no"}])
def test_a_mail_server_that_takes_no_mail_at_all_is_not_well(answering_server, answers):
    answering_server.answers = answers
    for _ in range(MAX_FAILURES):
        with pytest.raises(MailUnavailableError):
            mailer_of(answering_server).send(mail())
    assert breaker_of("smtp").state == "open"


def test_a_password_that_the_mail_server_refuses_loses_no_mail(answering_server):
    answering_server.answers = {"EHLO": "250-here\r\n250 AUTH PLAIN", "AUTH": "535 wrong password"}
    with pytest.raises(MailUnavailableError, match="SMTPAuthenticationError"):
        mailer_of(answering_server, user="ann", password="x").send(mail())


def test_a_mail_that_was_taken_is_sent_whatever_the_server_says_at_the_end(answering_server):
    answering_server.answers = {"QUIT": "500 what"}
    mailer_of(answering_server).send(mail())


def test_a_mail_server_that_is_down_is_asked_no_more_for_a_while():
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        mailer = SmtpMailer("127.0.0.1", unused.getsockname()[1])
        for _ in range(MAX_FAILURES):
            with pytest.raises(MailUnavailableError, match="did not take a mail"):
                mailer.send(mail())
        with pytest.raises(MailUnavailableError, match="asked again in a few seconds"):
            mailer.send(mail())
    assert breaker_of("smtp").state == "open"


def test_while_a_mail_server_hangs_the_breaker_opens_and_requests_are_served(
    world, ada, silent_server
):
    mailer = SmtpMailer("127.0.0.1", silent_server, timeout=30)
    refused = []

    def send():
        try:
            mailer.send(mail())
        except MailUnavailableError as error:
            refused.append(str(error))

    threads = [threading.Thread(target=send, daemon=True) for _ in range(MAX_FAILURES)]
    began = time.monotonic()
    for thread in threads:
        thread.start()
    while breaker_of("smtp").state == "closed":
        assert read(ada, "/v1/tenants/acme")["id"] == "acme"
        assert time.monotonic() - began < 10
        time.sleep(0.1)
    assert refused == []  # nobody had to wait for thirty seconds first
    send()
    assert "asked again in a few seconds" in refused[0]
    with world.client() as anybody:
        ready = anybody.get("/readyz").json()
        assert (ready["status"], ready["services"]) == ("ok", {"smtp": "open"})
        figures = anybody.get("/metrics").text
    assert 'reviewgraph_breaker_state{service="smtp"} 2.0' in figures


def test_figures_count_requests_by_route_and_name_nobody(world, ada):
    read(ada, "/v1/tenants/acme")
    with world.client() as anybody:
        anybody.get("/v1/tenants/no-such-place/at/all")
        answer = anybody.get("/metrics")
    assert answer.headers["content-type"].startswith("text/plain")
    assert (
        'reviewgraph_requests_total{method="GET",route="/v1/tenants/{tenant}",status="200"}'
        in answer.text
    )
    assert "acme" not in answer.text
    assert "no-such-place" not in answer.text


def test_figures_are_for_this_machine_or_for_who_shows_the_token(world, monkeypatch):
    from pydantic import SecretStr

    with world.client() as anybody:
        for header in ("X-Forwarded-For", "Forwarded"):
            assert anybody.get("/metrics", headers={header: "for=127.0.0.1"}).status_code == 404
        monkeypatch.setattr(world.settings, "metrics_token", SecretStr("a secret of Prometheus"))
        assert anybody.get("/metrics").status_code == 404
        for shown, status in (("a secret of Prometheus", 200), ("another", 404)):
            headers = {"Authorization": f"Bearer {shown}"}
            assert anybody.get("/metrics", headers=headers).status_code == status


def test_a_proxy_that_says_nothing_of_itself_opens_the_figures_to_nobody(world, monkeypatch):
    address = urlsplit(world.base)

    def status(host, version="1.1"):
        with socket.create_connection((address.hostname, address.port)) as proxy:
            proxy.sendall(
                f"GET /metrics HTTP/{version}\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode()
            )
            return int(proxy.makefile("rb").readline().split()[1])

    for here in (address.netloc, "localhost:8000", "[::1]"):
        assert status(here) == 200
    for elsewhere in ("reviews.example.com", "", "127.0.0.1.example.com", "["):
        assert status(elsewhere) != 200
    assert status(address.netloc, "1.0") == 404
    for name, value in (
        ("public_url", "https://reviews.example.com"),
        ("trusted_proxies", "127.0.0.0/8"),
    ):
        with monkeypatch.context() as changed:
            changed.setattr(world.settings, name, value)
            assert status(address.netloc) == 404

"""A service that is down or hangs is found out within seconds, and nobody else waits for it."""

from __future__ import annotations

import socket
import threading
import time
from email.message import EmailMessage

import pytest

from resources.messaging import MailUnavailableError, SmtpMailer
from resources.telemetry import breaker_of
from resources.telemetry.breakers import MAX_FAILURES
from tests.api_world import read


@pytest.fixture
def silent_server():
    """Takes connections and says nothing."""
    with socket.create_server(("127.0.0.1", 0), backlog=50) as server:
        yield server.getsockname()[1]


def mail():
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = "a@example.com", "b@example.com", "s"
    return message


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

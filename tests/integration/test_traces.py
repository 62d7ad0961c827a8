"""One trace leads from a request through the outbox to the run, and tells nobody's secrets."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
import uuid
from contextlib import contextmanager
from pathlib import Path

import dagster as dg
import pytest
from opentelemetry import trace

from pipelines.definitions import build_definitions
from pipelines.erasing import ERASURE_JOB
from pipelines.erasure_job import ERASURE_TAG, erasure_requests
from pipelines.run_processes import leased_in_process_executor
from pipelines.run_traces import TRACE_TAG
from pipelines.sensors import plan_runs
from resources.settings import Settings, SettingsError
from resources.telemetry.tracing import MAX_WAITING_SPANS, Tracing
from tests.account_world import forget_limits
from tests.api_world import PASSWORD, read, running_world
from tests.running_up import until
from tests.trace_collector import running_collector

REPORTS = "POST /v1/tenants/{tenant}/reports"
STRANGE_TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
STRANGE = f"00-{STRANGE_TRACE}-00f067aa0ba902b7-01"
CANARY = "canary-7f3a"
REVIEWGRAPH = Path(sys.executable).parent / "reviewgraph"


@pytest.fixture(scope="module")
def collector():
    with running_collector() as collector:
        yield collector


@pytest.fixture(scope="module")
def world(module_settings, module_database, collector):
    module_settings.traces_endpoint = collector.address
    with running_world(module_settings, module_database) as world:
        yield world


@pytest.fixture
def ada(world):
    with world.client("ada") as client:
        yield client


@contextmanager
def working(settings, folder):
    """A worker in a process of its own, which is asked to end."""
    with (folder / "worker.log").open("ab") as log:
        process = subprocess.Popen(
            [REVIEWGRAPH, "worker"],
            env={**os.environ, **settings.environment()},
            stdout=log, stderr=log, cwd=folder,
        )  # fmt: skip
    try:
        yield
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 0
    finally:
        process.kill()
        process.wait()


def run_of_two_steps():
    @dg.op
    def first():
        return 1

    @dg.op
    def second(one):
        assert one == 1
        raise ValueError(CANARY)

    @dg.job(executor_def=leased_in_process_executor)
    def small_job():
        second(first())

    return small_job


def test_a_trace_leads_from_a_request_to_the_steps_of_the_run(world, ada, collector):
    asked = ada.post(
        "/v1/tenants/acme/reports",
        json={"period_start": "2026-01-03", "period_end": "2026-01-04"},  # nobody asks for it yet
        headers={"traceparent": STRANGE, "tracestate": CANARY},
    )
    assert asked.status_code == 202, asked.text
    with world.database.jobs() as work:
        waiting = work.reports.get_request("acme", uuid.UUID(asked.json()["id"]))
    (planned,) = plan_runs([waiting], {})
    with dg.DagsterInstance.ephemeral() as instance:
        done = dg.execute_job(
            dg.reconstructable(run_of_two_steps),
            instance=instance,
            tags=planned.tags,
            raise_on_error=False,
        )
    assert not done.success

    (request,) = collector.wait_for(REPORTS)
    (run,) = collector.wait_for("run small_job")
    steps = collector.wait_for("step first") + collector.wait_for("step second")
    assert request.parent == ""
    assert planned.tags[TRACE_TAG].startswith(f"00-{request.trace}-")
    assert {one.trace for one in (run, *steps)} == {request.trace}
    assert {step.parent for step in steps} == {run.id}
    assert run.told["reviewgraph.run"] == done.run_id
    assert [step.is_error for step in steps] == [False, True]
    assert request.told["reviewgraph.tenant"] == run.told["reviewgraph.tenant"] == "acme"
    statements = [one for one in collector.spans if one.trace == request.trace]
    assert any("insert into" in one.told.get("db.statement", "").lower() for one in statements)

    # Who sends a trace of their own neither joins it nor decides what is taken down.
    assert request.trace != STRANGE_TRACE
    assert request.linked == [STRANGE_TRACE]


def erasing_in_this_environment():
    """The job as the daemon has it: told of its installation by the environment alone."""
    return build_definitions().resolve_job_def(ERASURE_JOB)


def test_a_trace_leads_from_a_request_to_the_run_that_erases(world, ada, collector, monkeypatch):
    for name, value in world.settings.environment().items():
        monkeypatch.setenv(name, value)
    asked = ada.post(
        "/v1/tenants/acme/erasures", json={"author": CANARY}, headers={"traceparent": STRANGE}
    )
    assert asked.status_code == 202, asked.text
    with dg.DagsterInstance.ephemeral() as instance:
        context = dg.build_sensor_context(instance=instance)
        (planned,) = [
            one
            for one in erasure_requests(context, database=world.database)
            if one.tags[ERASURE_TAG] == asked.json()["id"]
        ]
        done = dg.execute_job(
            dg.reconstructable(erasing_in_this_environment),
            instance=instance,
            run_config=planned.run_config,
            tags=planned.tags,
        )
    assert done.success
    assert read(ada, asked.headers["location"])["status"] == "done"

    (request,) = collector.wait_for("POST /v1/tenants/{tenant}/erasures")
    (run,) = collector.wait_for(f"run {ERASURE_JOB}")
    (step,) = collector.wait_for("step erase")
    assert planned.tags[TRACE_TAG].startswith(f"00-{request.trace}-")
    assert {run.trace, step.trace} == {request.trace}
    assert step.parent == run.id
    assert (run.told["reviewgraph.run"], run.told["reviewgraph.tenant"]) == (done.run_id, "acme")
    assert request.trace != STRANGE_TRACE
    assert CANARY.encode() not in b"".join(collector.bodies)


@pytest.mark.slow
def test_a_trace_leads_from_a_request_to_its_job_in_another_process(
    world, ada, collector, tmp_path
):
    forget_limits(world)
    body = {"email": f"{CANARY}@example.com", "role": "viewer"}
    invited = ada.post("/v1/tenants/acme/invitations", json=body)
    assert invited.status_code == 201, invited.text
    with working(world.settings, tmp_path):
        (job,) = collector.wait_for("job send_mail")
    (request,) = collector.wait_for("POST /v1/tenants/{tenant}/invitations")
    assert (job.service, request.service) == ("reviewgraph-worker", "reviewgraph-api")
    assert job.trace == request.trace
    assert not job.is_error


def test_nothing_that_people_send_leaves_in_a_trace(world, ada, collector):
    forget_limits(world)
    token = ada.headers["Authorization"].removeprefix("Bearer ")
    secrets = [CANARY, PASSWORD, token, world.users["ada"].email, world.users["ada"].name]
    before = len(collector.named("POST /v1/auth/token"))
    with world.client(**{"User-Agent": CANARY, "X-Request-ID": CANARY}) as anybody:
        anybody.post("/v1/auth/token", json={"email": "ada@example.com", "password": PASSWORD})
        anybody.post("/v1/auth/token", json={"email": f"{CANARY}@x.example", "password": CANARY})
        anybody.get(f"/{CANARY}/{CANARY}?{CANARY}={CANARY}")
        anybody.request(CANARY.upper().replace("-", ""), "/v1/me")
    ada.get("/v1/tenants/acme/reviews", params={"search": CANARY})
    ada.get(f"/v1/tenants/{CANARY}/reviews")
    ada.get(f"/v1/tenants/acme/reviews/{CANARY}")
    ada.post("/v1/tenants/acme/api-keys", json={"name": CANARY, "scopes": ["reviews:read"]})
    collector.wait_for("POST /v1/auth/token", before + 2)
    collector.wait_for("POST /v1/tenants/{tenant}/api-keys")
    collector.wait_for("GET /v1/tenants/{tenant}/reviews/{review_key}")
    sent = b"".join(collector.bodies)
    for secret in secrets:
        assert secret.encode() not in sent
        assert secret.encode() not in sent.lower()
    assert b"127.0.0.1" not in sent


def test_the_log_of_a_request_names_its_trace(ada, collector, caplog):
    with caplog.at_level("INFO", logger="serving_api.requests"):
        read(ada, "/v1/me")
        traces = {one.trace for one in collector.wait_for("GET /v1/me")}

        def logged():  # a line is written once the answer is out
            found = [getattr(record, "fields", {}) for record in caplog.records]
            return {one["trace"] for one in found if one.get("route") == "/v1/me"}

        (trace,) = until(logged, seconds=10, what="the request is logged")
    assert trace in traces


def test_requests_are_served_when_the_collector_is_not(ada, collector):
    collector.status = 503
    try:
        for _ in range(20):
            read(ada, "/v1/tenants/acme")
    finally:
        collector.status = 200
    collector.bodies.clear()
    read(ada, "/v1/tenants/acme")
    collector.wait_for("GET /v1/tenants/{tenant}")


def test_a_collector_that_hangs_costs_spans_and_nothing_else():
    with socket.create_server(("127.0.0.1", 0), backlog=50) as silent:
        tracing = Tracing(f"http://127.0.0.1:{silent.getsockname()[1]}/v1/traces", "test", 1.0)
        for _ in range(2 * MAX_WAITING_SPANS):
            tracing.tracer.start_span("work").end()
        waiting = tracing._processor._batch_processor._queue
        assert len(waiting) <= MAX_WAITING_SPANS
        ending = threading.Thread(target=tracing.close, daemon=True)
        ending.start()
        ending.join(30)  # the library by itself would wait for each batch
        assert not ending.is_alive()


def test_a_share_of_none_is_none_whatever_strangers_ask_for(collector):
    tracing = Tracing(collector.address, "shares", 0.0)
    tracing.tracer.start_span("root").end()
    tracing.close()
    assert [one for one in collector.spans if one.service == "shares"] == []


def test_a_statement_that_is_part_of_nothing_is_no_trace(collector):
    tracing = Tracing(collector.address, "statements", 1.0)
    tracing.tracer.start_span("select", kind=trace.SpanKind.CLIENT).end()
    tracing.close()
    assert [one for one in collector.spans if one.service == "statements"] == []


def test_without_an_address_nothing_is_traced_and_nothing_is_loaded(tmp_path):
    program = """
import sys, threading
from resources.settings import Settings
from resources.telemetry import spans
from serving_api.main import create_app
import pipelines.background, pipelines.run_traces
create_app(Settings(_env_file=None))
with spans.running(None, "test"), spans.span("work", tenant="acme"):
    assert spans.current_traceparent() is None
    spans.note(tenant="acme")
loaded = sorted(name for name in sys.modules if name.startswith("opentelemetry.sdk"))
assert not loaded, loaded
assert threading.active_count() == 1, threading.enumerate()
"""
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, "REVIEWGRAPH_HOME": str(tmp_path)},
        capture_output=True, text=True, check=False, cwd=Path(__file__).parents[2],
    )  # fmt: skip
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("address", ["collector:4318", "ftp://x/", "http://", "http://a:b@c/"])
def test_an_address_that_can_be_none_is_refused(address):
    with pytest.raises(SettingsError, match="REVIEWGRAPH_TRACES_ENDPOINT"):
        Settings(_env_file=None, traces_endpoint=address)

"""Dagster's UI as `up` serves it: no page that somebody visits can see it or give it orders."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from urllib.parse import urlencode

import dagster as dg
import httpx2
import pytest
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from pipelines.supervisor import free_port
from resources.settings import PROJECT_ROOT

QUERY = "{ version }"
JSON = {"Content-Type": "application/json"}
EVIL = "http://evil.example"


@pytest.fixture(scope="module")
def port(tmp_path_factory):
    """The real server, over an instance of its own and a graph of one asset."""
    home = tmp_path_factory.mktemp("dagster")
    settings = (PROJECT_ROOT / "dagster.yaml").read_text()
    nux = settings[settings.index("nux:") :]
    (home / "dagster.yaml").write_text(f"telemetry:\n  enabled: false\n{nux}")
    (home / "graph.py").write_text(
        "import dagster as dg\n\n@dg.asset\ndef one():\n    return 1\n\n"
        "defs = dg.Definitions([one])\n"
    )
    workspace = home / "workspace.yaml"
    workspace.write_text(json.dumps({"load_from": [{"python_file": str(home / "graph.py")}]}))
    port = free_port()
    command = [
        sys.executable, "-m", "pipelines.ui_server",
        "--port", str(port), "--workspace", str(workspace),
    ]  # fmt: skip
    environment = {**os.environ, "DAGSTER_HOME": str(home), "PYTHONPATH": str(PROJECT_ROOT)}
    log = home / "log"
    with log.open("wb") as output:
        server = subprocess.Popen(command, env=environment, stdout=output, stderr=output)
    try:
        deadline = time.monotonic() + 180
        while time.monotonic() < deadline:
            assert server.poll() is None, log.read_text()
            try:
                if httpx2.get(f"http://127.0.0.1:{port}/server_info", trust_env=False).is_success:
                    break
            except httpx2.TransportError:
                time.sleep(0.3)
        with dg.DagsterInstance.from_config(str(home)) as instance:
            yield port, instance, log
    finally:
        server.terminate()
        server.wait(60)


@pytest.fixture(scope="module")
def client(port):
    with httpx2.Client(
        base_url=f"http://127.0.0.1:{port[0]}", trust_env=False, timeout=60
    ) as client:
        yield client


@pytest.fixture
def run(port):
    """A run that must not be deleted."""
    _, instance, _ = port
    run = instance.create_run_for_job(dg.job(name="kept")(lambda: None))
    yield run
    instance.delete_run(run.run_id)


def delete(run):
    return f'mutation {{ deletePipelineRun(runId: "{run.run_id}") {{ __typename }} }}'


# What must work ------------------------------------------------------------------------------


def test_the_ui_and_its_own_requests_are_served(client):
    page = client.get("/")
    assert page.status_code == 200
    assert "<html" in page.text
    own = {"Origin": str(client.base_url).rstrip("/"), "Sec-Fetch-Site": "same-origin"}
    asked = client.post("/graphql", json={"query": QUERY}, headers=own)
    assert asked.json()["data"]["version"]
    assert client.get("/graphql", params={"query": QUERY}).json()["data"]["version"]
    assert client.get("/graphql", headers={"Accept": "text/html"}).status_code == 200


@pytest.mark.parametrize("name", ["localhost", "LOCALHOST", "127.0.0.1"])
def test_this_machine_s_names_are_taken_with_any_port(client, name):
    for host in (name, f"{name}:9999"):
        assert client.get("/server_info", headers={"Host": host}).status_code == 200


def test_a_program_gives_orders_as_json(client, port, run):
    answer = client.post("/graphql", json={"query": delete(run)})
    assert answer.json()["data"]["deletePipelineRun"]["__typename"] == "DeletePipelineRunSuccess"
    assert port[1].get_run_by_id(run.run_id) is None


def test_a_link_from_elsewhere_opens_the_ui(client):
    headers = {
        "Sec-Fetch-Site": "cross-site",
        "Sec-Fetch-Mode": "navigate",
        "Sec-Fetch-Dest": "document",
    }
    assert client.get("/runs", headers=headers).status_code == 200


def test_no_window_welcomes_whoever_opens_it(client):
    assert client.post("/graphql", json={"query": "{ shouldShowNux }"}).json()["data"] == {
        "shouldShowNux": False
    }


def test_the_ui_cannot_be_framed_or_loaded_by_others(client):
    headers = client.get("/").headers
    assert headers["x-frame-options"] == "DENY"
    assert headers["cross-origin-resource-policy"] == "same-origin"


# What must not -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "evil.example:3000",
        "127.0.0.1.evil.example",
        "localhost.evil.example",
        "evil@127.0.0.1",
        "127.0.0.1@evil.example",
        "127.0.0.1:3000@evil.example",
        "localhost.",
        "127.0.0.1 ",
        "127.0.0.1:",
        "127.0.0.1:x",
        "0.0.0.0",
        "192.168.0.1",
        "[::2]",
        "2130706433",
        "",
    ],
)
def test_a_name_that_is_not_this_machine_s_is_refused(client, port, run, host):
    if host.endswith(" "):
        host = host.replace(" ", "%20")
    for answer in (
        client.get("/", headers={"Host": host}),
        client.get("/graphql", params={"query": QUERY}, headers={"Host": host}),
        client.post("/graphql", json={"query": delete(run)}, headers={"Host": host}),
    ):
        assert answer.status_code in {400, 403}, answer.text
    assert port[1].get_run_by_id(run.run_id)


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": EVIL},
        {"Origin": "null"},
        {"Origin": ""},
        {"Origin": "http://127.0.0.1"},
        {"Origin": "http://127.0.0.1:1"},
        {"Origin": "http://localhost:1"},
        {"Origin": "http://127.0.0.1.evil.example"},
        {"Origin": "file://"},
        {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors"},
        {"Sec-Fetch-Site": "same-site", "Sec-Fetch-Mode": "cors"},
        {
            "Sec-Fetch-Site": "cross-site",
            "Sec-Fetch-Mode": "navigate",
            "Sec-Fetch-Dest": "document",
        },
        {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "iframe"},
    ],
)
def test_a_page_of_another_origin_gives_no_orders(client, port, run, headers):
    answer = client.post("/graphql", json={"query": delete(run)}, headers=headers)
    assert answer.status_code == 403, answer.text
    assert port[1].get_run_by_id(run.run_id)


def test_a_page_of_another_origin_reads_nothing(client):
    for path in ("/", "/graphql?query={version}", "/server_info", "/logs/a/b.out"):
        assert client.get(path, headers={"Origin": EVIL}).status_code == 403
        assert client.get(path, headers={"Sec-Fetch-Site": "cross-site"}).status_code == 403


@pytest.mark.parametrize("path", ["/graphql", "/graphql%0A", "/%67raphql", "/graphql/"])
def test_an_address_carries_no_mutation(client, port, run, path):
    asks_too = f"query q {{ version }} {delete(run)}"
    queries = [
        [("query", delete(run))],
        [("query", QUERY), ("query", delete(run))],
        [("query", delete(run)), ("query", QUERY)],
        [("query", asks_too), ("operationName", "q")],
        [("query", f"# only asks\n{delete(run)}")],
        [("query", f"\ufeff{delete(run)}")],
        [("query", "mutation" + "{" * 5000)],
    ]
    for query in queries:
        for method in ("GET", "HEAD"):
            answer = client.request(method, f"{path}?{urlencode(query)}", follow_redirects=True)
            assert answer.status_code == 405, (method, query)
            assert answer.headers["allow"] == "POST"
    assert port[1].get_run_by_id(run.run_id)


@pytest.mark.parametrize(
    "content_type",
    [
        None,
        "",
        "text/plain",
        "text/plain; application/json",
        "text/plain;charset=application/json",
        "application/x-www-form-urlencoded",
        "application/x-www-form-urlencoded; application/json",
        "multipart/form-data; boundary=application/json",
        "application/jsonp",
        "application/json, text/plain",
        "application/graphql",
    ],
)
@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
def test_what_a_form_can_send_gives_no_orders(client, port, run, method, content_type):
    headers = {} if content_type is None else {"Content-Type": content_type}
    mutation = delete(run)
    for content, parameters in (
        (json.dumps({"query": mutation}).encode(), None),
        (mutation.encode(), None),
        (b"", {"query": mutation}),
    ):
        answer = client.request(
            method, "/graphql", content=content, params=parameters, headers=headers
        )
        assert answer.status_code == 415, answer.text
    assert port[1].get_run_by_id(run.run_id)


def test_what_a_form_can_send_reports_no_materialization(client):
    for address in ("/report_asset_materialization/one", "/report_asset_observation/one"):
        assert client.post(address, content=b"").status_code == 415
        assert (
            client.post(address, headers=JSON | {"Origin": EVIL}, content=b"{}").status_code == 403
        )


@pytest.mark.parametrize(
    "headers",
    [{"Origin": EVIL}, {"Origin": "null"}, {"Sec-Fetch-Site": "cross-site"}],
)
def test_a_page_of_another_origin_opens_no_websocket(port, headers):
    address = f"ws://127.0.0.1:{port[0]}/graphql"
    with pytest.raises(InvalidStatus) as refused:
        connect(address, additional_headers=headers, subprotocols=["graphql-ws"], proxy=None)
    assert refused.value.response.status_code == 403


def test_the_ui_s_own_websocket_opens(port):
    address = f"ws://127.0.0.1:{port[0]}/graphql"
    own = {"Origin": f"http://127.0.0.1:{port[0]}"}
    with connect(
        address, additional_headers=own, subprotocols=["graphql-ws"], proxy=None
    ) as socket:
        socket.send(json.dumps({"type": "connection_init"}))
        assert json.loads(socket.recv(timeout=30))["type"] == "connection_ack"


def test_refusals_are_logged_without_what_was_sent(client, port):
    client.get("/graphql", params={"query": "mutation { s3cret }"})
    lines = [json.loads(line) for line in port[2].read_text().splitlines() if line[:1] == "{"]
    assert any(line["logger"] == "pipelines.ui_guard" for line in lines)
    assert "s3cret" not in port[2].read_text()

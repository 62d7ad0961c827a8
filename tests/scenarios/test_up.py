"""`reviewgraph up`: everything answers, a run can be launched, and Ctrl-C leaves no process."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

import psutil
import pytest

from resources.settings import Settings

REVIEWGRAPH = Path(sys.executable).parent / "reviewgraph"


def ask(address, payload=None, token=None):
    headers = {"content-type": "application/json"}
    if token:
        headers["authorization"] = f"Bearer {token}"
    data = None if payload is None else json.dumps(payload).encode()
    request = urllib.request.Request(address, data=data, headers=headers)
    with urllib.request.urlopen(request, timeout=60) as answer:
        return json.loads(answer.read())


def graphql(dagster, query, variables=None):
    return ask(f"{dagster}/graphql", {"query": query, "variables": variables or {}})["data"]


def processes_of(home):
    found = []
    for process in psutil.process_iter(["pid", "cmdline", "environ"]):
        with contextlib.suppress(psutil.NoSuchProcess, psutil.AccessDenied):
            command = " ".join(process.info["cmdline"] or [])
            environment = process.info["environ"] or {}
            if str(home) in command or environment.get("REVIEWGRAPH_HOME") == str(home):
                found.append((process.pid, command[:120]))
    return [one for one in found if one[0] != os.getpid()]


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    return tmp_path_factory.mktemp("up")


@pytest.fixture(scope="module")
def addresses(home):
    """Start everything, yield the addresses, interrupt, and look what is left."""
    environment = {**os.environ, "REVIEWGRAPH_HOME": str(home)}
    process = subprocess.Popen(
        [REVIEWGRAPH, "up", "--port", "0", "--api-port", "0"],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    found = {}
    said = []
    for line in process.stdout:
        said.append(line)
        match = re.match(r"\s+(Dagster UI|API|Sandbox)\s+(http://\S+)", line)
        if match:
            found[match.group(1)] = match.group(2)
        if line.strip().startswith("logs"):
            break
    assert len(found) == 3, "".join(said)
    yield found
    process.send_signal(signal.SIGINT)
    rest, _ = process.communicate(timeout=60)
    assert process.returncode == 0, rest
    assert "Stopped." in rest
    deadline = time.monotonic() + 10
    while processes_of(home) and time.monotonic() < deadline:
        time.sleep(0.2)
    assert processes_of(home) == []


@pytest.mark.usefixtures("addresses")
def test_a_second_one_over_the_same_home_is_refused(home):
    second = subprocess.run(
        [REVIEWGRAPH, "up", "--port", "0", "--api-port", "0"],
        env={**os.environ, "REVIEWGRAPH_HOME": str(home)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert second.returncode == 1
    assert "is up already" in second.stderr


def test_the_api_answers(addresses):
    assert ask(addresses["API"])["info"]["title"]
    with pytest.raises(urllib.error.HTTPError) as refused:
        ask(addresses["API"].replace("openapi.json", "v1/tenants"))
    assert refused.value.code == 401
    refused.value.close()


def test_links_lead_to_the_api_wherever_it_found_a_port(home, addresses):
    site = addresses["API"].removesuffix("/openapi.json")
    assert Settings(_env_file=None, home=home).site == site  # of commands
    running = json.loads((home / "logs" / "running.json").read_text())
    for server in ("api", "worker"):
        environment = psutil.Process(running[server][0]).environ()
        assert environment["REVIEWGRAPH_PUBLIC_URL"] == site


def test_the_graph_is_shown_with_its_groups_owners_and_descriptions(addresses):
    data = graphql(
        addresses["Dagster UI"],
        """{ assetNodes { assetKey { path } groupName description kinds
             owners { ... on TeamAssetOwner { team } } } }""",
    )
    nodes = {"/".join(node["assetKey"]["path"]): node for node in data["assetNodes"]}
    for name in ("raw_reviews", "reviews", "review_enrichments", "daily_facts",
                 "tenant_snapshot", "report_document", "marts/metric_summary"):  # fmt: skip
        node = nodes[name]
        assert node["description"], name
        assert node["groupName"] != "default", name
        assert node["owners"], name
        assert node["kinds"], name


def test_the_daily_job_can_be_launched_from_the_ui_and_succeeds(addresses):
    dagster = addresses["Dagster UI"]
    day = time.strftime("%Y-%m-%d", time.gmtime())
    launched = graphql(
        dagster,
        """mutation Launch($params: ExecutionParams!) {
             launchRun(executionParams: $params) {
               __typename ... on LaunchRunSuccess { run { runId } }
               ... on PythonError { message } } }""",
        {
            "params": {
                "selector": {
                    "repositoryLocationName": "reviewgraph",
                    "repositoryName": "__repository__",
                    "pipelineName": "daily_job",
                },
                "mode": "default",
                "runConfigData": {},
                "executionMetadata": {"tags": [{"key": "dagster/partition", "value": day}]},
            }
        },
    )["launchRun"]
    assert launched["__typename"] == "LaunchRunSuccess", launched
    run_id = launched["run"]["runId"]
    status = None
    deadline = time.monotonic() + 240
    while time.monotonic() < deadline:
        answer = graphql(
            dagster,
            "query Run($id: ID!) { runOrError(runId: $id) { ... on Run { status } } }",
            {"id": run_id},
        )
        status = answer["runOrError"]["status"]
        if status in {"SUCCESS", "FAILURE", "CANCELED"}:
            break
        time.sleep(1)
    assert status == "SUCCESS"


def test_schedule_and_sensor_are_running(addresses):
    data = graphql(
        addresses["Dagster UI"],
        """{ instigationStatesOrError: repositoriesOrError { ... on RepositoryConnection { nodes {
             schedules { name scheduleState { status } } sensors { name sensorState { status } }
           } } } }""",
    )["instigationStatesOrError"]["nodes"][0]
    schedules = {one["name"]: one["scheduleState"]["status"] for one in data["schedules"]}
    sensors = {one["name"]: one["sensorState"]["status"] for one in data["sensors"]}
    assert schedules["every_day"] == "RUNNING"
    assert sensors["report_requests"] == "RUNNING"

"""A running ``reviewgraph up`` and its operator's hands: for the tests of operation."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from resources.settings import PROJECT_ROOT

REVIEWGRAPH = [sys.executable, "-m", "pipelines.cli"]
_ADDRESS = re.compile(r"\s+(Dagster UI|API|Sandbox)\s+(http://\S+)")
_LAUNCH = """mutation Launch($params: ExecutionParams!) { launchRun(executionParams: $params) {
    __typename ... on LaunchRunSuccess { run { runId } } ... on PythonError { message } } }"""
_RUNS = """query Runs($filter: RunsFilter) { runsOrError(filter: $filter) { ... on Runs { results {
    runId status tags { key value } } } } }"""


def variables_of(home: Path) -> dict[str, str]:
    """The environment of a command over a home: the tree under test, not an installed one."""
    return {**os.environ, "REVIEWGRAPH_HOME": str(home), "PYTHONPATH": str(PROJECT_ROOT)}


def start_command(home: Path, *arguments: str) -> subprocess.Popen[str]:
    """Start a command in a session of its own, as in another terminal."""
    return subprocess.Popen(
        [*REVIEWGRAPH, *arguments],
        cwd=PROJECT_ROOT,
        env=variables_of(home),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def until(question: Callable[[], Any], *, seconds: float, what: str) -> Any:
    """Ask until the answer is true, and return it; what cannot be asked just now is asked again."""
    deadline = time.monotonic() + seconds
    trouble: Exception | None = None
    while time.monotonic() < deadline:
        try:
            answer = question()
        except OSError as error:
            answer, trouble = None, error
        if answer:
            return answer
        time.sleep(0.3)
    raise AssertionError(f"{what}: not within {seconds:.0f} s ({trouble})")


@dataclass(frozen=True)
class Run:
    """A run as the UI shows it."""

    id: str
    status: str
    tags: Mapping[str, str]


@dataclass(frozen=True)
class RunningUp:
    """A running ``up``.

    Attributes:
        home: The home that it runs over.
        addresses: Of ``Dagster UI``, ``API`` and ``Sandbox``.
        process: The supervisor.
        log: The file that holds what it prints.
    """

    home: Path
    addresses: Mapping[str, str]
    process: subprocess.Popen[str]
    log: Path

    @property
    def api(self) -> str:
        """The API's address, without a path."""
        return self.addresses["API"].rsplit("/", 1)[0]

    @property
    def said(self) -> str:
        """What it has printed so far."""
        return self.log.read_text()

    @property
    def children(self) -> dict[str, int]:
        """The process numbers of the servers, by name."""
        running = json.loads((self.home / "logs" / "running.json").read_text())
        return {name: process_id for name, (process_id, _) in running.items()}

    def ask(self, address: str, payload: Any = None, token: str | None = None) -> Any:
        """One HTTP request with JSON in and out; errors of HTTP are raised."""
        headers = {"content-type": "application/json"}
        if token:
            headers["authorization"] = f"Bearer {token}"
        data = None if payload is None else json.dumps(payload).encode()
        request = urllib.request.Request(address, data=data, headers=headers)
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.loads(answer.read())

    def graphql(self, query: str, variables: Mapping[str, Any] | None = None) -> Any:
        """Ask Dagster."""
        address = f"{self.addresses['Dagster UI']}/graphql"
        return self.ask(address, {"query": query, "variables": dict(variables or {})})["data"]

    def runs(self, **filter_by: Any) -> list[Run]:
        """Runs, latest first; arguments as for Dagster's ``RunsFilter``."""
        found = self.graphql(_RUNS, {"filter": filter_by})["runsOrError"]["results"]
        return [
            Run(one["runId"], one["status"], {tag["key"]: tag["value"] for tag in one["tags"]})
            for one in found
        ]

    def run(self, run_id: str) -> Run:
        """One run."""
        (found,) = self.runs(runIds=[run_id])
        return found

    def launch(self, job: str, tags: Mapping[str, str] | None = None) -> str:
        """Launch a job as the button in the UI does; return the run's id."""
        launched = self.graphql(
            _LAUNCH,
            {
                "params": {
                    "selector": {
                        "repositoryLocationName": "reviewgraph",
                        "repositoryName": "__repository__",
                        "pipelineName": job,
                    },
                    "mode": "default",
                    "runConfigData": {},
                    "executionMetadata": {
                        "tags": [
                            {"key": key, "value": value} for key, value in (tags or {}).items()
                        ]
                    },
                }
            },
        )["launchRun"]
        assert launched["__typename"] == "LaunchRunSuccess", launched
        return str(launched["run"]["runId"])

    def command(self, *arguments: str) -> subprocess.Popen[str]:
        """Start a command over the same home."""
        return start_command(self.home, *arguments)


@contextmanager
def running_up(home: Path) -> Iterator[RunningUp]:
    """Start ``up`` over a home on free ports, and interrupt it afterwards."""
    log = home.with_name(f"{home.name}-said.txt")
    with log.open("w") as output:
        process = subprocess.Popen(
            [*REVIEWGRAPH, "up", "--port", "0", "--api-port", "0"],
            cwd=PROJECT_ROOT,
            env=variables_of(home),
            stdout=output,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
    try:
        until(
            lambda: process.poll() is not None or "  logs  " in log.read_text(),
            seconds=240,
            what="up is running",
        )
        said = log.read_text().splitlines()
        addresses = dict(match.groups() for line in said if (match := _ADDRESS.match(line)))
        assert {"Dagster UI", "API"} <= set(addresses), "\n".join(said)
        yield RunningUp(home, addresses, process, log)
    finally:
        process.send_signal(signal.SIGINT)
        with suppress(subprocess.TimeoutExpired):
            process.wait(60)
        process.kill()
        process.wait()

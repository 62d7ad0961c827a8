"""`reviewgraph up` stopped and started again: the same addresses, and one log that goes on."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from contextlib import contextmanager

import httpx2
import pytest

from resources.settings import PROJECT_ROOT


@contextmanager
def running(home):
    """Everything, until the block ends; yields the addresses by what is there."""
    process = subprocess.Popen(
        [sys.executable, "-m", "pipelines.cli", "up", "--port", "0", "--api-port", "0"],
        cwd=PROJECT_ROOT,
        env={**os.environ, "REVIEWGRAPH_HOME": str(home)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    said, addresses = [], {}
    try:
        for line in process.stdout:
            said.append(line)
            found = re.match(r"\s+(Dagster UI|API|Sandbox)\s+(http://[^/\s]+)", line)
            if found:
                addresses[found[1]] = found[2]
            if line.strip().startswith("logs"):
                break
        assert len(addresses) == 3, "".join(said)
        yield addresses
    finally:
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=90)


def ask(method, address, **options):
    return httpx2.request(method, address, trust_env=False, timeout=60, **options)


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    return tmp_path_factory.mktemp("up-again")


@pytest.fixture(scope="module")
def lives(home):
    """What was seen in each of two lives."""
    seen = []
    for name in ("first-life", "second-life"):
        with running(home) as addresses:
            api, ui = addresses["API"], addresses["Dagster UI"]
            ask("GET", f"{api}/v1/me?secret=whispered", headers={"X-Request-ID": name})
            mutation = {"query": "mutation { setNuxSeen }"}
            seen.append(
                {
                    "addresses": addresses,
                    "by address": ask("GET", f"{ui}/graphql", params=mutation).status_code,
                    "by form": ask("POST", f"{ui}/graphql", data=mutation).status_code,
                    "from elsewhere": ask(
                        "POST",
                        f"{ui}/graphql",
                        json=mutation,
                        headers={"Origin": "http://a.example"},
                    ).status_code,
                    "other host": ask(
                        "GET", f"{ui}/server_info", headers={"Host": "a.example"}
                    ).status_code,
                    "welcome": ask(
                        "POST", f"{ui}/graphql", json={"query": "{ shouldShowNux }"}
                    ).json()["data"]["shouldShowNux"],
                }
            )
    return seen


def test_everything_is_where_it_was(lives):
    first, second = lives
    assert first["addresses"] == second["addresses"]


def test_dagster_s_ui_is_guarded_and_shows_no_window_first(lives):
    for seen in lives:
        assert seen["by address"] == 405
        assert seen["by form"] == 415
        assert seen["from elsewhere"] == 403
        assert seen["other host"] == 403
        assert seen["welcome"] is False


@pytest.mark.usefixtures("lives")
def test_the_access_log_goes_on_where_it_ended(home):
    text = (home / "logs" / "api.log").read_text()
    lines = [json.loads(line) for line in text.splitlines()]
    requests = [line for line in lines if line.get("route") == "/v1/me"]
    assert [line["request_id"] for line in requests] == ["first-life", "second-life"]
    assert {line["status"] for line in requests} == {401}
    assert [line["event"] for line in lines if line.get("event") in {"started", "stopped"}] == [
        "started",
        "stopped",
    ] * 2
    assert "whispered" not in text

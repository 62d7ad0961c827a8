"""Ports that people have written down stay the same over restarts."""

from __future__ import annotations

import socket

import pytest

from pipelines.ports import kept_port


@pytest.fixture
def taken():
    """A port that somebody else holds."""
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        holder.listen()
        yield holder.getsockname()[1]


def test_a_server_keeps_its_port_over_restarts(tmp_path):
    ports = {name: kept_port(tmp_path, name) for name in ("api", "webserver", "sandbox")}
    assert len(set(ports.values())) == len(ports)
    for name, port in ports.items():
        assert kept_port(tmp_path, name) == port


def test_a_port_that_is_taken_is_left_for_one_that_stays(tmp_path, taken):
    instead = kept_port(tmp_path, "api", taken)
    assert instead != taken
    assert kept_port(tmp_path, "api", taken) == instead


def test_a_kept_port_that_somebody_took_is_replaced(tmp_path):
    first = kept_port(tmp_path, "api")
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", first))
        holder.listen()
        second = kept_port(tmp_path, "api")
    assert second != first
    assert kept_port(tmp_path, "api") == second


def test_a_wish_that_changes_is_heard(tmp_path):
    first, other = kept_port(tmp_path, "api"), kept_port(tmp_path, "other")
    (tmp_path / "ports.json").write_text("{}")
    assert kept_port(tmp_path, "api", first) == first
    assert kept_port(tmp_path, "api", other) == other


@pytest.mark.parametrize("spoilt", ["", "{", "[]", '{"api": 1}', '{"api": {"port": "x"}}', "\0"])
def test_a_spoilt_file_is_no_obstacle(tmp_path, spoilt):
    (tmp_path / "ports.json").write_text(spoilt)
    port = kept_port(tmp_path, "api")
    assert kept_port(tmp_path, "api") == port

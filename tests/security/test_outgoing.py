"""Addresses that a customer names lead nowhere inside, however they are written."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_address
from typing import ClassVar

import pytest

from resources.outgoing import (
    MAX_ANSWER_BYTES,
    OutgoingClient,
    OutgoingFailedError,
    OutgoingRefusedError,
    is_public,
)

INSIDE = """
    127.0.0.1 127.1 127.0.0.2 localhost 0.0.0.0 0 2130706433 0x7f000001 0x7f.1 017700000001
    0177.0.0.1 127.0.1 10.0.0.1 10.255.255.255 172.16.0.1 172.31.255.255 192.168.0.1 192.168.1.1
    169.254.169.254 169.254.0.1 100.64.0.1 100.127.255.255 192.0.0.1 192.0.0.100 192.0.2.1
    192.88.99.1 198.18.0.1 198.51.100.1 203.0.113.1 224.0.0.1 239.255.255.255 240.0.0.1
    255.255.255.255 2852039166 [::] [::1] [::ffff:127.0.0.1] [::ffff:10.0.0.1] [::ffff:7f00:1]
    [0:0:0:0:0:ffff:a9fe:a9fe] [64:ff9b::7f00:1] [64:ff9b::a9fe:a9fe] [64:ff9b:1::1] [2002:7f00:1::]
    [2002:a9fe:a9fe::1] [2001::1] [fe80::1] [fc00::1] [fd00:ec2::254] [fec0::1] [ff02::1]
    [2001:db8::1] [100::1]
""".split()  # noqa: SIM905 - a list that people can read

NO_ADDRESSES = [
    "http://id.example/",
    "ftp://id.example/",
    "file:///etc/passwd",
    "gopher://id.example/",
    "unix:///run/postgresql",
    "//id.example/",
    "id.example",
    "https://",
    "https://user@id.example/",
    "https://user:password@id.example/",
    "https://id.example/#fragment",
    "",
    "https://[::1",
]


def ask(url, *, loopback=False):
    async def once():
        client = OutgoingClient("test", loopback=loopback)
        try:
            return await client.get_json(url)
        finally:
            await client.close()

    return asyncio.run(once())


@pytest.mark.parametrize("host", INSIDE)
def test_nothing_inside_is_connected_to(host):
    with pytest.raises(OutgoingRefusedError):
        ask(f"https://{host}:4711/")


@pytest.mark.parametrize("url", NO_ADDRESSES)
def test_what_is_no_plain_https_address_is_refused(url):
    with pytest.raises(OutgoingRefusedError):
        ask(url)


@pytest.mark.parametrize("address", ["8.8.8.8", "1.1.1.1", "2606:4700::1111", "::ffff:8.8.8.8"])
def test_the_public_internet_is_public(address):
    assert is_public(ip_address(address))


def test_a_name_with_one_address_inside_is_refused_and_resolved_once(monkeypatch):
    asked = []

    async def resolve(_loop, host, port, **_):
        asked.append(host)
        return [
            (socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port))
            for address in ("8.8.8.8", "127.0.0.1")
        ]

    monkeypatch.setattr(asyncio.BaseEventLoop, "getaddrinfo", resolve)
    with pytest.raises(OutgoingRefusedError):
        ask("https://rebinding.example/")
    assert asked == ["rebinding.example"]


class Answers(BaseHTTPRequestHandler):
    """Answers with what its class was told."""

    status, body, extra = 200, b"{}", {}
    asked: ClassVar[list[str]] = []

    def do_GET(self):
        self.asked.append(self.path)
        self.send_response(self.status)
        for name, value in self.extra.items():
            self.send_header(name, value)
        self.end_headers()
        with contextlib.suppress(ConnectionError):
            self.wfile.write(self.body)

    def log_message(self, *_):
        pass


@pytest.fixture
def server():
    handler = type("Once", (Answers,), {"asked": []})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        handler.base = f"http://127.0.0.1:{server.server_address[1]}"
        yield handler
        server.shutdown()
        thread.join(10)


def test_an_answer_arrives_where_this_machine_is_allowed(server):
    server.body = b'{"yes": true}'
    assert ask(server.base, loopback=True) == {"yes": True}
    with pytest.raises(OutgoingRefusedError):
        ask(server.base)
    assert len(server.asked) == 1


def test_no_proxy_of_the_environment_is_used(server, monkeypatch):
    for name in ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    assert ask(server.base, loopback=True) == {}


@pytest.mark.parametrize(
    ("status", "body", "extra"),
    [
        (302, b"", {"Location": "/elsewhere"}),
        (500, b"{}", {}),
        (204, b"", {}),
        (200, b"<html>", {}),
        (200, b"[]", {}),
        (200, b"\xff\xfe", {}),
        (200, b'{"a":' * 200_000, {}),
        (200, b" " * (MAX_ANSWER_BYTES + 1), {}),
        (200, b"\x1f\x8b\x08\x00", {"Content-Encoding": "gzip"}),
        (200, b"{}", {"Content-Length": "99"}),
    ],
)
def test_what_is_no_answer_is_told_in_words(server, status, body, extra):
    server.status, server.body, server.extra = status, body, extra
    with pytest.raises(OutgoingFailedError):
        ask(server.base, loopback=True)
    assert server.asked == ["/"]


def test_a_server_that_is_not_there_is_told_in_words():
    with pytest.raises(OutgoingFailedError):
        ask("http://127.0.0.1:1/", loopback=True)

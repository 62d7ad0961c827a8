"""A collector of traces on loopback: takes what OpenTelemetry sends over HTTP, and reads it."""

from __future__ import annotations

import gzip
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest


@dataclass(frozen=True)
class Span:
    """A span as it arrived.

    Attributes:
        service: The process that it is of.
        trace: The trace that it is part of.
        id: Its own.
        parent: The span that it is part of; empty for none.
        name: What was done.
        told: Its attributes.
        linked: The traces that it is linked to.
        is_error: Whether it ended badly.
    """

    service: str
    trace: str
    id: str
    parent: str
    name: str
    told: dict[str, Any]
    linked: list[str]
    is_error: bool


@dataclass
class Collector:
    """What has arrived.

    Attributes:
        address: Where spans are taken.
        bodies: What was sent, unpacked.
        status: What it answers.
    """

    address: str
    bodies: list[bytes] = field(default_factory=list)
    status: int = 200

    @property
    def spans(self) -> list[Span]:
        """Every span, in the order of their arrival."""
        return [span for body in list(self.bodies) for span in _spans(body)]

    def named(self, name: str) -> list[Span]:
        """The spans of a name."""
        return [span for span in self.spans if span.name == name]

    def wait_for(self, name: str, count: int = 1, seconds: float = 120) -> list[Span]:
        """The spans of a name, once there are so many."""
        deadline = time.monotonic() + seconds
        while len(found := self.named(name)) < count:
            arrived = sorted({span.name for span in self.spans})
            assert time.monotonic() < deadline, f"no {name}, but {arrived}"
            time.sleep(0.1)
        return found


@contextmanager
def running_collector() -> Iterator[Collector]:
    """The collector, on a free port for a while."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    collector = Collector(f"http://127.0.0.1:{server.server_address[1]}/v1/traces")
    server.collector = collector  # type: ignore[attr-defined]
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield collector
    finally:
        server.shutdown()
        server.server_close()
        thread.join(10)


class _Handler(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        collector: Collector = self.server.collector  # type: ignore[attr-defined]
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.headers.get("Content-Encoding") == "gzip":
            body = gzip.decompress(body)
        if collector.status == 200:
            collector.bodies.append(body)
        self.send_response(collector.status)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


def _spans(body: bytes) -> Iterator[Span]:
    for of_process in ExportTraceServiceRequest.FromString(body).resource_spans:
        service = _told(of_process.resource.attributes)["service.name"]
        for of_library in of_process.scope_spans:
            for span in of_library.spans:
                yield Span(
                    service=service,
                    trace=span.trace_id.hex(),
                    id=span.span_id.hex(),
                    parent=span.parent_span_id.hex(),
                    name=span.name,
                    told=_told(span.attributes),
                    linked=[link.trace_id.hex() for link in span.links],
                    is_error=span.status.code == 2,
                )


def _told(attributes: Any) -> dict[str, Any]:
    return {
        one.key: getattr(one.value, one.value.WhichOneof("value") or "string_value")
        for one in attributes
    }

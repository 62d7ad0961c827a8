"""HTTP requests to addresses that a customer has named, and that must not lead inside.

A name is resolved once, every address that it has must be public, and the connection goes to the
address that was checked: a name that means something else a moment later changes nothing. Nothing
is followed, no proxy of the environment is used, and answers are cut at a size. What Python calls
global is not all public (3.11.7 counts NAT64 and 6to4 in, which can lead to loopback), so more nets
are refused.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Iterable, Mapping
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Any

import httpcore2
import httpx2

from resources.errors import ReviewGraphError
from resources.telemetry import Breaker, ServiceDownError, breakers_of
from resources.telemetry.breakers import OPEN_SECONDS

MAX_ANSWER_BYTES = 512 * 1024
TIMEOUT_SECONDS = 5.0
MAX_SECONDS = 10.0
SLOW_SECONDS = 3.0
"""An address that takes longer counts as one that does not answer, also while it is waited for."""
MAX_AT_ONCE = 20
"""Requests that one address may keep waiting: who is slow takes no connection from the others."""
_MAX_CONNECTIONS = 200
_DEFAULT_PORTS = {"https": 443, "http": 80}
# By these a gateway says that what is behind it does not answer. Any other answer is one.
_NOT_WELL = frozenset({502, 503, 504})

_REFUSED_NETWORKS = tuple(
    ip_network(network)
    for network in (
        "64:ff9b::/96",
        "64:ff9b:1::/48",
        "2002::/16",
        "2001::/32",
        "fec0::/10",
        "192.0.0.0/24",
        "192.88.99.0/24",
        "100.64.0.0/10",
    )
)


class OutgoingRefusedError(ReviewGraphError):
    """An address leads where no customer may send us."""


class OutgoingFailedError(ReviewGraphError):
    """The other side does not answer, or with something that is no answer.

    Attributes:
        retry_after: Seconds after which asking may make sense again, where the other side has
            failed so often, or is so slow, that it is not asked now.
    """

    def __init__(self, message: str, retry_after: int | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class _NoAnswerError(OutgoingFailedError):
    """The other side is not well: it cannot be reached, says nothing, or says so itself."""


class _Guard(httpcore2.AsyncNetworkBackend):
    """Connects to public addresses alone."""

    def __init__(self, *, loopback: bool) -> None:
        self._inner = httpcore2.AnyIOBackend()
        self._loopback = loopback

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109 - the interface of the library
        local_address: str | None = None,
        socket_options: Iterable[httpcore2.SOCKET_OPTION] | None = None,
    ) -> httpcore2.AsyncNetworkStream:
        try:
            found = await asyncio.get_running_loop().getaddrinfo(host, port)
        except (OSError, UnicodeError) as error:
            raise httpcore2.ConnectError(type(error).__name__) from None
        addresses = [ip_address(entry[4][0]) for entry in found]
        for address in addresses:
            if not is_public(address) and not (self._loopback and address.is_loopback):
                raise OutgoingRefusedError("The address is not on the public internet.")
        return await self._inner.connect_tcp(
            str(addresses[0]), port, timeout, local_address, socket_options
        )

    async def connect_unix_socket(self, *_: Any, **__: Any) -> httpcore2.AsyncNetworkStream:
        raise OutgoingRefusedError("The address is not on the public internet.")

    async def sleep(self, seconds: float) -> None:
        await self._inner.sleep(seconds)


def is_public(address: IPv4Address | IPv6Address) -> bool:
    """Whether an address is one of the public internet, however it is written."""
    plain = getattr(address, "ipv4_mapped", None) or address
    return (
        plain.is_global
        and not plain.is_multicast
        and not any(plain in network for network in _REFUSED_NETWORKS)
    )


class OutgoingClient:
    """Asks addresses that a customer has named.

    Each address has a circuit breaker of its own: where discovery works and tokens do not, that
    shows, and what one tenant has named at a host that many use closes nothing to the others.

    Args:
        services: What is asked, as figures name it.
        loopback: Whether this machine, and plain HTTP, are allowed too; for tests and trials.
    """

    def __init__(self, services: str, *, loopback: bool = False) -> None:
        self._services = services
        self._loopback = loopback
        transport = httpx2.AsyncHTTPTransport(trust_env=False)
        # The library offers no public way to guard connections; a test holds that this one works.
        transport._pool = httpcore2.AsyncConnectionPool(  # noqa: SLF001
            ssl_context=ssl.create_default_context(),
            max_connections=_MAX_CONNECTIONS,
            keepalive_expiry=5.0,
            network_backend=_Guard(loopback=loopback),
        )
        self._client = httpx2.AsyncClient(
            transport=transport, trust_env=False, follow_redirects=False, timeout=TIMEOUT_SECONDS
        )

    async def close(self) -> None:
        """Close its connections."""
        await self._client.aclose()

    async def get_json(self, url: str) -> dict[str, Any]:
        """The JSON object at an address.

        Raises:
            OutgoingRefusedError: If the address may not be asked.
            OutgoingFailedError: If there is no such object, or it is not asked now.
        """
        return await self._json("GET", url)

    async def post_form(
        self, url: str, form: Mapping[str, str], *, credentials: tuple[str, str] | None = None
    ) -> dict[str, Any]:
        """The JSON object with which an address answers a form.

        Args:
            url: The address.
            form: What is sent.
            credentials: Name and password for the Authorization header.

        Raises:
            OutgoingRefusedError: If the address may not be asked.
            OutgoingFailedError: If there is no such answer, or it is not asked now.
        """
        return await self._json("POST", url, data=dict(form), auth=credentials)

    async def _json(self, method: str, url: str, **more: Any) -> dict[str, Any]:
        self.check(url)
        breaker = self._breaker_of(url)
        try:
            with breaker.call(_NoAnswerError):
                content = await self._answer(method, url, **more)
        except ServiceDownError:
            raise OutgoingFailedError(
                "The other side has not answered for a while, and is not asked now.",
                int(OPEN_SECONDS),
            ) from None
        try:
            document = httpx2.Response(200, content=content).json()
        except (ValueError, RecursionError):
            raise OutgoingFailedError("The other side's answer cannot be read.") from None
        if not isinstance(document, dict):
            raise OutgoingFailedError("The other side's answer is no JSON object.")
        return document

    def _breaker_of(self, url: str) -> Breaker:
        """The breaker of an address, without its query.

        Raises:
            OutgoingFailedError: If as many requests wait for the address as may.
        """
        parts = httpx2.URL(url)
        port = parts.port or _DEFAULT_PORTS[parts.scheme]
        breaker = breakers_of(self._services, slow_seconds=SLOW_SECONDS).of(
            f"{parts.host}:{port}{parts.path}"
        )
        if breaker.under_way >= MAX_AT_ONCE:
            raise OutgoingFailedError("Too many wait for the other side's answer already.", 1)
        return breaker

    async def _answer(self, method: str, url: str, **more: Any) -> bytes:
        """What the other side answers; an error says whether it answers at all."""
        try:
            async with asyncio.timeout(MAX_SECONDS):
                return await self._read(method, url, **more)
        except (OutgoingRefusedError, OutgoingFailedError):
            raise
        except httpx2.PoolTimeout:  # our own connections were all in use; it was not even asked
            raise ServiceDownError("Too many answers are waited for already.") from None
        except (httpx2.InvalidURL, ValueError) as error:
            raise OutgoingFailedError(f"It cannot be asked ({type(error).__name__}).") from None
        except (httpx2.HTTPError, TimeoutError, OSError) as error:
            raise _NoAnswerError(
                f"The other side gave no answer ({type(error).__name__})."
            ) from None

    async def _read(self, method: str, url: str, **more: Any) -> bytes:
        content = b""
        headers = {"Accept": "application/json", "Accept-Encoding": "identity"}
        async with self._client.stream(method, url, headers=headers, **more) as answer:
            if answer.status_code in _NOT_WELL:
                raise _NoAnswerError(f"The other side answered {answer.status_code}.")
            if answer.status_code != httpx2.codes.OK:
                raise OutgoingFailedError(f"The other side answered {answer.status_code}.")
            if answer.headers.get("content-encoding", "identity") != "identity":
                raise OutgoingFailedError("The other side packed its answer unasked.")
            async for piece in answer.aiter_raw():
                content += piece
                if len(content) > MAX_ANSWER_BYTES:
                    raise OutgoingFailedError("The other side's answer is too large.")
        return content

    def check(self, url: str) -> None:
        """Let an address pass that may be asked, as far as it can be told without asking.

        Raises:
            OutgoingRefusedError: If it is no https address without user and fragment.
        """
        try:
            parts = httpx2.URL(url)
        except (httpx2.InvalidURL, TypeError, ValueError):
            raise OutgoingRefusedError("It is no address.") from None
        schemes = {"https", "http"} if self._loopback else {"https"}
        if parts.scheme not in schemes or not parts.host or parts.userinfo or parts.fragment:
            raise OutgoingRefusedError("It is no plain https address.")
        if parts.scheme == "http" and not _is_loopback(parts.host):
            raise OutgoingRefusedError("It is no plain https address.")


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"

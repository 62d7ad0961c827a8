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

MAX_ANSWER_BYTES = 512 * 1024
TIMEOUT_SECONDS = 5.0
MAX_SECONDS = 10.0

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
    """The other side does not answer, or with something that is no answer."""


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

    Args:
        loopback: Whether this machine, and plain HTTP, are allowed too; for tests and trials.
    """

    def __init__(self, *, loopback: bool = False) -> None:
        self._loopback = loopback
        transport = httpx2.AsyncHTTPTransport(trust_env=False)
        # The library offers no public way to guard connections; a test holds that this one works.
        transport._pool = httpcore2.AsyncConnectionPool(  # noqa: SLF001
            ssl_context=ssl.create_default_context(),
            max_connections=20,
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
            OutgoingFailedError: If there is no such object.
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
            OutgoingFailedError: If there is no such answer.
        """
        return await self._json("POST", url, data=dict(form), auth=credentials)

    async def _json(self, method: str, url: str, **more: Any) -> dict[str, Any]:
        self.check(url)
        try:
            async with asyncio.timeout(MAX_SECONDS):
                content = await self._read(method, url, **more)
            document = httpx2.Response(200, content=content).json()
        except OutgoingRefusedError:
            raise
        except (httpx2.HTTPError, httpx2.InvalidURL, TimeoutError, ValueError, OSError) as error:
            raise OutgoingFailedError(
                f"The other side gave no answer ({type(error).__name__})."
            ) from None
        except RecursionError:
            raise OutgoingFailedError("The other side's answer cannot be read.") from None
        if not isinstance(document, dict):
            raise OutgoingFailedError("The other side's answer is no JSON object.")
        return document

    async def _read(self, method: str, url: str, **more: Any) -> bytes:
        content = b""
        headers = {"Accept": "application/json", "Accept-Encoding": "identity"}
        async with self._client.stream(method, url, headers=headers, **more) as answer:
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

"""Who is asking, by address, where proxies stand in between.

A client can write anything into ``X-Forwarded-For``. What a proxy adds stands at its right end, so
the list is read from there, through the addresses of proxies that the operator trusts: the first
one that is none of them is the client. Without such a setting nothing in the list is believed. The
header ``Forwarded`` (RFC 7239) is not read at all: two headers that may differ are two ways to lie.

By hand, because uvicorn's middleware would take an entry that is no address for the client; here it
ends the reading.
"""

from __future__ import annotations

from collections.abc import Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

from starlette.datastructures import Headers
from starlette.types import Scope

MAX_HOPS = 20
_IPV6_SITE = 64
"""The part of an IPv6 address that one customer of a provider has for oneself."""

Address = IPv4Address | IPv6Address


class TrustedProxies:
    """Finds the client behind the proxies.

    Args:
        networks: Where trusted proxies are.
    """

    def __init__(self, networks: Sequence[IPv4Network | IPv6Network] = ()) -> None:
        self._networks = tuple(networks)

    def client_of(self, scope: Scope) -> tuple[str, int] | None:
        """Address and port of the client of a request; port 0 where a proxy told of it."""
        peer: tuple[str, int] | None = tuple(scope["client"]) if scope.get("client") else None
        if peer is None or not self._networks:
            return peer
        nearest = _address_in(peer[0])
        if nearest is None or not self._trusts(nearest):
            return peer
        told = ",".join(Headers(scope=scope).getlist("x-forwarded-for")).split(",")
        for given in reversed(told[-MAX_HOPS:]):
            address = _address_in(given)
            if address is None:
                break  # what stands left of something unreadable was not written by a proxy
            nearest = address
            if not self._trusts(address):
                break
        return str(nearest), 0

    def _trusts(self, address: Address) -> bool:
        return any(address in network for network in self._networks)


def network_of(client: str) -> str:
    """What limits count a client by: its IPv4 address, or the network of its IPv6 address."""
    address = _address_in(client)
    if address is None:
        return "unknown"
    if isinstance(address, IPv6Address):
        return str(ip_network((address, _IPV6_SITE), strict=False))
    return str(address)


def _address_in(given: str) -> Address | None:
    """The address in an entry of the list, without a port; IPv4 written as IPv6 is IPv4."""
    text = given.strip()
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        address = ip_address(text.partition("%")[0])
    except ValueError:
        return None
    mapped = getattr(address, "ipv4_mapped", None)
    return mapped or address

"""Who the client is, whatever it and the proxies in between say."""

from __future__ import annotations

import pytest

from resources.settings import Settings, SettingsError
from serving_api.kit.proxies import TrustedProxies, network_of

PROXIES = TrustedProxies(
    Settings(_env_file=None, trusted_proxies="10.0.0.0/8, 192.0.2.7,fd00::/8").proxy_networks
)


def client(peer, *forwarded, proxies=PROXIES, name=b"x-forwarded-for"):
    headers = [(name, one.encode()) for one in forwarded]
    return proxies.client_of({"type": "http", "client": (peer, 1234), "headers": headers})[0]


def test_without_trusted_proxies_nothing_that_is_told_is_believed():
    nobody = TrustedProxies()
    assert client("198.51.100.1", "203.0.113.9", proxies=nobody) == "198.51.100.1"
    assert client("10.0.0.1", "203.0.113.9", proxies=nobody) == "10.0.0.1"


def test_a_stranger_who_tells_of_somebody_is_taken_for_oneself():
    assert client("198.51.100.1", "203.0.113.9, 10.0.0.1") == "198.51.100.1"


def test_a_trusted_proxy_is_believed_about_whom_it_passes_on():
    assert client("10.0.0.1", "203.0.113.9") == "203.0.113.9"
    assert client("192.0.2.7", "203.0.113.9") == "203.0.113.9"
    assert client("fd00::1", "2001:db8::5") == "2001:db8::5"
    assert client("::ffff:10.0.0.1", "203.0.113.9") == "203.0.113.9"


@pytest.mark.parametrize(
    "forged",
    [
        "1.1.1.1",
        "10.0.0.9",
        "127.0.0.1",
        "1.1.1.1, 10.0.0.3",
        "unknown",
        "for=1.1.1.1",
        "1.1.1.1;203.0.113.9",
        "",
        ", , ,",
        "\x00",
        "1.1.1.1, " * 500,
    ],
)
def test_what_the_client_put_before_what_proxies_added_changes_nothing(forged):
    assert client("10.0.0.1", f"{forged}, 203.0.113.9") == "203.0.113.9"
    assert client("10.0.0.1", f"{forged}, 203.0.113.9, 10.0.0.2") == "203.0.113.9"
    assert client("10.0.0.1", forged, "203.0.113.9") == "203.0.113.9"


def test_the_header_forwarded_is_not_read():
    assert client("10.0.0.1", "for=203.0.113.9", name=b"forwarded") == "10.0.0.1"


def test_where_only_proxies_are_named_it_is_the_farthest_one():
    assert client("10.0.0.1", "10.0.0.3, 10.0.0.2") == "10.0.0.3"
    assert client("10.0.0.1") == "10.0.0.1"
    assert client("10.0.0.1", "nonsense") == "10.0.0.1"


def test_ports_and_brackets_are_no_part_of_an_address():
    assert client("10.0.0.1", "203.0.113.9:4711") == "203.0.113.9"
    assert client("10.0.0.1", "[2001:db8::5]:4711") == "2001:db8::5"
    assert client("10.0.0.1", "fe80::1%eth0") == "fe80::1"


def test_one_customer_of_ipv6_is_counted_as_one():
    assert (
        network_of("2001:db8:1:2:3::4") == network_of("2001:db8:1:2:ffff::") == "2001:db8:1:2::/64"
    )
    assert network_of("203.0.113.9") == network_of("::ffff:203.0.113.9") == "203.0.113.9"
    assert network_of("nonsense") == "unknown"


@pytest.mark.parametrize("wrong", ["10.0.0.1/8", "proxy.example", "10.0.0.0/33", "*"])
def test_what_is_no_network_is_refused_when_the_setting_is_read(wrong):
    with pytest.raises(SettingsError, match="REVIEWGRAPH_TRUSTED_PROXIES"):
        Settings(_env_file=None, trusted_proxies=wrong)

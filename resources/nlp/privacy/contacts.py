# ruff: noqa: RUF001 - these patterns name characters of many scripts
"""E-mail addresses, social handles and IP addresses."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator
from functools import lru_cache

import regex

from resources.nlp.privacy.patterns import any_of, compiled, words
from resources.nlp.privacy.spans import Span

_LATIN = r"A-Za-z0-9À-ɏ"
EMAIL = (
    rf"(?<![{_LATIN}.+_%@-])[{_LATIN}_%+][{_LATIN}._%+'-]{{0,63}}"
    rf"@(?:[{_LATIN}-]{{1,63}}\.){{1,5}}[A-Za-z]{{2,24}}(?![{_LATIN}])"
)
HANDLE = rf"(?<![{_LATIN}_@./+])@[A-Za-z0-9_](?:[A-Za-z0-9_.]{{0,28}}[A-Za-z0-9_])(?![{_LATIN}@])"
PROFILE = (
    rf"(?i)(?<![{_LATIN}.@-])(?:https?://)?(?:www\.|m\.|mobile\.|[a-z]{{2}}-[a-z]{{2}}\.)?"
    r"(?:instagram\.com/|facebook\.com/|fb\.com/|fb\.me/|twitter\.com/|x\.com/|tiktok\.com/@"
    r"|threads\.net/@|t\.me/|wa\.me/|linkedin\.com/in/|xing\.com/profile/|youtube\.com/@"
    r"|youtube\.com/user/|snapchat\.com/add/|vk\.com/|pinterest\.com/|reddit\.com/u(?:ser)?/"
    r"|twitch\.tv/|line\.me/ti/p/)@?[a-z0-9_~][a-z0-9_.%~-]{1,60}"
)
NAMED_ACCOUNT = (
    r"(?i)(?<![a-z0-9])(?:insta(?:gram)?|ig|snap(?:chat)?|tik ?tok|telegram|twitter|skype|line id"
    r"|wechat)(?: id| handle)? ?[:：] ?(?P<name>[a-z0-9_.]{3,30})"
)
IP = (
    r"(?<![\w.])(?:[0-9]{1,3}(?:\.[0-9]{1,3}){3}(?![0-9.]*[0-9])"
    r"|[0-9A-Fa-f]{1,4}(?::[0-9A-Fa-f]{0,4}){3,7}(?![\w:]))"
)
_DOMAINS = (
    "(?:com|net|org|info|biz|example|test|edu|gov|de|at|ch|fr|es|it|nl|be|pt|br|pl|uk|co|in|jp|eu"
    "|us|ca|au|ru|cz|se|dk|no|fi|io|me|ie|mx|ar|tr|kr|cn)"
)
# What a text with any of these holds; asked of every text.
PROFILE_SIGN = r"(?i)\.(?:com|net|me|tv)/"
ACCOUNT_SIGN = r"(?i)[a-z] ?[:：] ?[a-z0-9_.]*[0-9_.]"
HIDDEN_EMAIL_SIGNS = (
    r" @ ",
    (
        r"[\[({<（【] ?(?i:at|ät|@|a|arroba|arobase|chiocciola|apenst|małpa|klammer|собака|アット)"
        r"[a-zA-Zマーク ]{0,14}[\])}>）】]"
        r"|[\[({<（【] ?(?i:dot|punkt|pkt|punto|point|ponto|punt|kropka|точка|ドット|\.)"
        r" ?[\])}>）】]"
    ),
    r" (?i:arroba|arobase|chiocciola|apenst|małpa|klammeraffe|アット|at the rate)",
    rf" (?i:dot|punkt|pkt|punto|point|ponto|punt|kropka|точка|ドット) {{1,2}}(?i:{_DOMAINS})",
)
IP_SIGNS = (
    r"[0-9]\.[0-9]{1,3}\.[0-9]{1,3}\.[0-9]",
    r":[0-9A-Fa-f]{0,4}:[0-9A-Fa-f]{0,4}:",
)
_NO_PROFILES = frozenset(
    {
        "p",
        "reel",
        "reels",
        "explore",
        "events",
        "groups",
        "pages",
        "sharer",
        "share",
        "search",
        "hashtag",
        "intent",
        "home",
        "watch",
        "stories",
        "about",
        "help",
        "privacy",
        "status",
        "login",
        "tv",
    }
)
_CLOCK = compiled(r"(?i)@\d{1,2}(?:[.:h]?\d{2})?(?:am|pm|h|hrs|uhr)?")
_LOOK_BACK = 60
_SHORTEST_NAME = 3
_SURELY_PUBLIC_OCTET = 100


@lru_cache(maxsize=1)
def hidden_email() -> str:
    """The pattern of an address written so that machines miss it: "anna (at) web [dot] de"."""
    lists = words()
    at, dot = any_of(lists["at_words"]), any_of(lists["dot_words"])
    opening, closing = r"[ ]{0,2}[\[({<（【] ?", r" ?[\])}>）】][ ]{0,2}"
    dotted = rf"(?:{opening}(?i:{dot}|\.){closing}|[ ]{{1,2}}(?i:{dot})[ ]{{1,2}}|\.)"
    local = rf"(?<![{_LATIN}._%+-])[{_LATIN}_][{_LATIN}._%+-]{{0,63}}"
    local += rf"(?:[ ](?i:{dot})[ ][{_LATIN}_-]{{1,40}}){{0,3}}"
    domain = rf"(?:[{_LATIN}-]{{1,63}}{dotted}){{1,4}}(?i:{_DOMAINS})(?![{_LATIN}])"
    bracketed = rf"{opening}(?i:{at}|@|a){closing}"
    worded = rf"[ ]{{1,2}}(?P<worded>(?i:{at})|@)[ ]{{1,2}}"
    return rf"{local}(?:{bracketed}|{worded}){domain}"


def find_emails(text: str) -> Iterator[Span]:
    """Find e-mail addresses."""
    for match in compiled(EMAIL).finditer(text):
        yield Span("email", match.start(), match.end())


def find_hidden_emails(text: str) -> Iterator[Span]:
    """Find e-mail addresses written so that machines miss them."""
    for match in compiled(hidden_email()).finditer(text):
        at = match["worded"]
        if at is None or at.lower() not in _plain_ats() or _speaks_of_mail(text, match):
            yield Span("email", match.start(), match.end())


@lru_cache(maxsize=1)
def _plain_ats() -> frozenset[str]:
    """Words for @ that sentences use anyway ("look at shop dot com")."""
    return frozenset(["@", *words()["plain_at_words"]])


def _speaks_of_mail(text: str, match: regex.Match[str]) -> bool:
    """Whether the words around say that an address is meant."""
    local, _, domain = match[0].partition(match["worded"])
    if match["worded"] != "@" and not re.search(r"\s", domain.strip()):
        return False  # "a rate of 140 at hotels.com"
    if any(character in "._" or character.isdigit() for character in local):
        return True
    before = text[max(0, match.start() - _LOOK_BACK) : match.start()]
    return compiled("(?i)" + any_of(words()["mail_words"])).search(before) is not None


def find_handles(text: str) -> Iterator[Span]:
    """Find names with an @ before them."""
    for match in compiled(HANDLE).finditer(text):
        name = match[0][1:]
        is_name = any(character.isalpha() for character in name) and len(name) >= _SHORTEST_NAME
        if (
            is_name
            and name.lower() not in words()["not_handles"]
            and not _CLOCK.fullmatch(match[0])
        ):
            yield Span("handle", match.start(), match.end())


def find_profiles(text: str) -> Iterator[Span]:
    """Find the addresses of people's pages on social networks."""
    for match in compiled(PROFILE).finditer(text):
        address = match[0].rstrip(".-")
        if address.rpartition("/")[2].lower() not in _NO_PROFILES:
            slash = text[match.start() + len(address) :].startswith("/")
            yield Span("handle", match.start(), match.start() + len(address) + slash)


def find_named_accounts(text: str) -> Iterator[Span]:
    """Find names behind the name of a network: "insta: anna_k92"."""
    for match in compiled(NAMED_ACCOUNT).finditer(text):
        name = match["name"].rstrip(".")
        if any(character in "._" or character.isdigit() for character in name):
            yield Span("handle", match.start("name"), match.start("name") + len(name))


def find_ip_addresses(text: str) -> Iterator[Span]:
    """Find addresses on the internet that may belong to a person."""
    for match in compiled(IP).finditer(text):
        if _is_public_address(match[0]) and _speaks_of_network(text, match.start(), match[0]):
            yield Span("ip", match.start(), match.end())


def _is_public_address(written: str) -> bool:
    """Whether it is an address that can tell where somebody lives; a router's own cannot."""
    try:
        address = ipaddress.ip_address(written)
    except ValueError:
        return False
    if address.is_loopback or address.is_unspecified or address.is_link_local:
        return False
    return not any(
        address in network for network in _LOCAL_NETWORKS if network.version == address.version
    )


_LOCAL_NETWORKS = tuple(
    ipaddress.ip_network(network)
    for network in ("0.0.0.0/8", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7")
)


def _speaks_of_network(text: str, start: int, written: str) -> bool:
    """Four numbers between dots are mostly a version: the words before decide."""
    before = text[max(0, start - _LOOK_BACK) : start]
    lists = words()
    if compiled("(?i)" + any_of(lists["version_words"])).search(before):
        return False
    if ":" in written or compiled("(?i)" + any_of(lists["ip_words"])).search(before):
        return True
    octets = [int(octet) for octet in written.split(".")]
    return sum(octet >= _SURELY_PUBLIC_OCTET for octet in octets) > 1

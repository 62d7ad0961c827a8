# ruff: noqa: RUF001 - these patterns name characters of many scripts
"""Numbers that belong to a person: telephone, payment card, bank account, national identifier.

A check digit decides where there is one (``python-stdnum``); telephone numbers are judged by the
numbering plans of the countries in which the text's language is written (``phonenumbers``). The
words before a number decide what shape alone cannot: an order number looks like a telephone number.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from importlib import import_module

from resources.nlp.privacy.patterns import SPACED, any_of, compiled, words
from resources.nlp.privacy.spans import Span

_SEPARATOR = r"[ \u00a0\u202f().\-/‐‑–ー－]"
_DIGIT = "[0-9０-９٠-٩۰-۹०-९]"
DIGITS = (
    rf"(?<![{SPACED}.,])[+＋(]{{0,2}}{_DIGIT}(?:{_SEPARATOR}{{0,3}}{_DIGIT}){{6,24}}(?!{_DIGIT})"
)
# Asked of every text: seven digits with little between them, first of ours, then of other scripts.
DIGIT_SIGNS = (
    rf"[0-9](?:{_SEPARATOR}{{0,3}}[0-9]){{6}}",
    "[０-９٠-٩۰-۹०-९]",
)
SIGNS = (
    *DIGIT_SIGNS,
    "[A-Z]{5}[0-9]{4}[A-Z]",
    "[A-Za-z]{6}[0-9]{2}[A-Za-z][0-9]{2}[A-Za-z][0-9]{3}[A-Za-z]",
    "[A-Z]{4}[0-9]{6}[HM][A-Z]{5}",
    "[0-9]{6}[-+A][0-9]{3}",
    r"[A-Za-z]{2}[0-9]{2}(?:[ \u00a0-]?[A-Za-z0-9]){11}",
)
IBAN = r"(?i)(?<![A-Za-z0-9])[A-Z]{2}[0-9]{2}(?:[ \u00a0-]?[A-Z0-9]){11,30}(?![A-Za-z0-9])"
CARD = (
    rf"(?<![{SPACED}./-])(?:[0-9]{{4}}(?:[ -]?[0-9]{{4}}){{3}}"
    r"|3[0-9]{3}[ -]?[0-9]{6}[ -]?[0-9]{4,5})(?![0-9])"
)
_ISSUER = compiled(
    r"4|5[0-5]|2(?:22[1-9]|2[3-9]|[3-6]|7[01]|720)|3[47]|30[0-5]|3[689]|35(?:2[89]|[3-8])"
    r"|6(?:011|4[4-9]|5)|62|60|8[12]|508|220[0-4]"
)
_LOOK_BACK = 34
_CARD_DIGITS = range(13, 20)


@dataclass(frozen=True)
class NationalId:
    """An identifier that a state gives to a person.

    Attributes:
        module: Of ``stdnum``; its ``is_valid`` proves the check digits.
        shape: Pattern of one as it is written.
        context: Words before it that say what it is; none where the shape alone is proof.
    """

    module: str
    shape: str
    context: tuple[str, ...] = ()


NATIONAL_IDS = (
    NationalId(
        "us.ssn", r"[0-9]{3}[- ]?[0-9]{2}[- ]?[0-9]{4}", ("ssn", "social security", "social")
    ),
    NationalId("gb.nhs", r"[0-9]{3}[- ]?[0-9]{3}[- ]?[0-9]{4}", ("nhs",)),
    NationalId("ca.sin", r"[0-9]{3}[- ]?[0-9]{3}[- ]?[0-9]{3}", ("sin", "social insurance", "nas")),
    NationalId("au.tfn", r"[0-9]{3}[ ]?[0-9]{3}[ ]?[0-9]{2,3}", ("tfn", "tax file")),
    NationalId(
        "in_.aadhaar", r"[0-9]{4}[ -]?[0-9]{4}[ -]?[0-9]{4}", ("aadhaar", "aadhar", "adhar", "uid")
    ),
    NationalId("in_.pan", r"[A-Z]{3}[ABCFGHLJPTK][A-Z][0-9]{4}[A-Z]", ("pan",)),
    NationalId(
        "jp.in_", r"[0-9]{4}[ -]?[0-9]{4}[ -]?[0-9]{4}", ("マイナンバー", "個人番号", "my number")
    ),
    NationalId(
        "de.idnr",
        r"[0-9]{2}[ ]?[0-9]{3}[ ]?[0-9]{3}[ ]?[0-9]{3}",
        ("steuer-id", "steuerid", "idnr", "identifikationsnummer", "steuernummer", "tin"),
    ),
    NationalId(
        "fr.nir",
        r"[12] ?[0-9]{2} ?[0-9]{2} ?(?:[0-9]{2}|2[AB]) ?[0-9]{3} ?[0-9]{3} ?[0-9]{2}",
    ),
    NationalId("es.dni", r"[0-9]{8}[- ]?[A-Za-z]", ("dni", "nif", "documento", "identidad")),
    NationalId("es.nie", r"[XYZxyz][- ]?[0-9]{7}[- ]?[A-Za-z]", ("nie", "extranjero")),
    NationalId("it.codicefiscale", r"[A-Za-z]{6}[0-9]{2}[A-Za-z][0-9]{2}[A-Za-z][0-9]{3}[A-Za-z]"),
    NationalId(
        "nl.bsn", r"[0-9]{4}[. ]?[0-9]{2}[. ]?[0-9]{3}", ("bsn", "burgerservicenummer", "sofi")
    ),
    NationalId("pt.nif", r"[0-9]{3}[ ]?[0-9]{3}[ ]?[0-9]{3}", ("nif", "contribuinte")),
    NationalId("pl.pesel", r"[0-9]{11}", ("pesel", "peselu")),
    NationalId("br.cpf", r"[0-9]{3}\.[0-9]{3}\.[0-9]{3}-[0-9]{2}"),
    NationalId("br.cpf", r"[0-9]{11}", ("cpf",)),
    NationalId(
        "be.nn",
        r"[0-9]{2}[. ]?[0-9]{2}[. ]?[0-9]{2}[- ]?[0-9]{3}[. ]?[0-9]{2}",
        ("rijksregister", "nn"),
    ),
    NationalId("ch.ssn", r"756[. ]?[0-9]{4}[. ]?[0-9]{4}[. ]?[0-9]{2}"),
    NationalId("se.personnummer", r"(?:[0-9]{2})?[0-9]{6}[-+]?[0-9]{4}", ("personnummer",)),
    NationalId("no.fodselsnummer", r"[0-9]{6}[ ]?[0-9]{5}", ("fødselsnummer", "personnummer")),
    NationalId("dk.cpr", r"[0-9]{6}[- ]?[0-9]{4}", ("cpr", "personnummer")),
    NationalId("fi.hetu", r"[0-9]{6}[-+A][0-9]{3}[0-9A-Z]"),
    NationalId("ie.pps", r"[0-9]{7}[A-W][A-IW]?", ("pps", "ppsn")),
    NationalId("ro.cnp", r"[1-9][0-9]{12}", ("cnp",)),
    NationalId("cz.rc", r"[0-9]{6}/[0-9]{3,4}", ("rodné číslo", "rodne cislo", "rč")),
    NationalId("tr.tckimlik", r"[1-9][0-9]{10}", ("kimlik", "tc", "tckn")),
    NationalId("cn.ric", r"[0-9]{17}[0-9Xx]"),
    NationalId("kr.rrn", r"[0-9]{6}-[1-4][0-9]{6}", ("주민등록번호", "주민번호", "주민등록")),
    NationalId("mx.curp", r"[A-Z]{4}[0-9]{6}[HM][A-Z]{5}[0-9A-Z][0-9]"),
    NationalId("ar.dni", r"[0-9]{2}\.?[0-9]{3}\.?[0-9]{3}", ("dni",)),
    NationalId("cl.rut", r"[0-9]{1,2}\.?[0-9]{3}\.?[0-9]{3}-[0-9kK]", ("rut", "run")),
    NationalId("za.idnr", r"[0-9]{13}", ("id number", "id no")),
    NationalId("bg.egn", r"[0-9]{10}", ("егн",)),
    NationalId("hr.oib", r"[0-9]{11}", ("oib",)),
    NationalId("gr.amka", r"[0-9]{11}", ("αμκα", "amka")),
)


def find_numbers(text: str) -> Iterator[Span]:
    """Find bank accounts, payment cards and national identifiers in one text."""
    yield from _ibans(text)
    yield from _cards(text)
    yield from _national_ids(text)


def is_reference(text: str, start: int) -> bool:
    """Whether the words before a number call it an order, a model, an article..."""
    return spoken_of(text, start) == "reference"


def spoken_of(text: str, start: int) -> str:
    """What the nearest telling word before a number is about: ``phone``, ``reference`` or ""."""
    last = ""
    for match in compiled(_context()).finditer(text, max(0, start - _LOOK_BACK), start):
        last = str(match.lastgroup)
    return last


@lru_cache(maxsize=1)
def _context() -> str:
    lists = words()
    phone, reference = any_of(lists["phone_words"]), any_of(lists["reference_words"])
    return rf"(?i)(?P<reference>{reference})|(?P<phone>{phone})"


def _ibans(text: str) -> Iterator[Span]:
    from stdnum import iban

    for match in compiled(IBAN).finditer(text):
        found = match[0]
        for length in _word_ends(found):  # a word behind the account is no part of it
            if iban.is_valid(found[:length], check_country=False):
                yield Span("iban", match.start(), match.start() + length)
                break


def _word_ends(found: str) -> list[int]:
    """Lengths at which a run of groups may end, the longest first."""
    ends = [place for place, character in enumerate(found) if character in " \u00a0-"]
    return [len(found), *reversed(ends)]


def _cards(text: str) -> Iterator[Span]:
    from stdnum import luhn

    for match in compiled(CARD).finditer(text):
        digits = "".join(character for character in match[0] if character.isdigit())
        if (
            len(digits) in _CARD_DIGITS
            and _ISSUER.match(digits)
            and luhn.is_valid(digits)
            and not is_reference(text, match.start())
        ):
            yield Span("card", match.start(), match.end())


def _national_ids(text: str) -> Iterator[Span]:
    small = text.lower()
    for one in NATIONAL_IDS:
        if one.context and not any(word in small for word in one.context):
            continue
        for match in compiled(rf"(?<![{SPACED}./-])(?:{one.shape})(?![{SPACED}-])").finditer(text):
            if _is_called(one, text, match.start()) and _is_valid(one.module, match[0]):
                yield Span("national_id", match.start(), match.end())


def _is_called(one: NationalId, text: str, start: int) -> bool:
    if not one.context:
        return not is_reference(text, start)
    before = text[max(0, start - _LOOK_BACK) : start]
    return compiled("(?i)" + any_of(one.context)).search(before) is not None


def _is_valid(module: str, number: str) -> bool:
    return bool(import_module(f"stdnum.{module}").is_valid(number))

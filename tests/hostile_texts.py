# ruff: noqa: RUF001 - characters of many scripts are the point
"""Texts that nobody writes in good faith: each is made to be slow for one way of reading.

Every entry of ``HOSTILE_TEXTS`` is a function of the length, so that a test can ask for any size
and for twice that size. ``plain_text`` is what they are compared with.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from itertools import count, islice

Maker = Callable[[int], str]

# Many searches are given up at once where something that they need is nowhere in the text. So the
# hostile texts end with a little of everything, almost right.
_BAIT = (
    " x@y.z1 @ab (at) [dot] at a dot de arroba , CA 123456 12 a Road, Nagar, Street. postfach P.O. "
    "box 1 SW1A 1A Straße 1x Am An der 1 rue calle C/ 1 via 1 Rua 1 weg 1x ul. 1 ул. 1 1234 AB, "
    "12-345 12345-678 PLZ 1234 〒12 東京都号1番 路1号 로1 http://x www. t.me/ insta: x.com/ 1.2.3 "
    "a:b:c: whatsapp qwert 名前は と申し の様 我叫 先生 이름은 मेरा नाम है "
    "Mr my name is \n- x Regards, <br &# &am"
)
_PLAIN = (
    "The room was clean and the staff at the front desk were very friendly. Breakfast could be "
    "better, but the location is great: only ten minutes from the station. We paid 120 euros a "
    "night, which is fair. Would we come again? Yes, although the street was noisy. "
)


def plain_text(length: int) -> str:
    """What a talkative customer writes, of ``length`` characters."""
    return repeated(_PLAIN)(length)


def plain_text_with_bait(length: int) -> str:
    """The same, ending as the baited texts do."""
    return plain_text(length - len(_BAIT)) + _BAIT


def repeated(unit: str, *, before: str = "", after: str = "") -> Maker:
    """The unit again and again, between a beginning and an end."""

    def make(length: int) -> str:
        inside = max(0, length - len(before) - len(after))
        return before + (unit * (inside // len(unit) + 1))[:inside] + after

    return make


def nested(opening: str, closing: str) -> Maker:
    """As many openings as closings."""

    def make(length: int) -> str:
        depth = length // (len(opening) + len(closing))
        return opening * depth + closing * depth

    return make


def drawn(alphabet: str, seed: int = 7) -> Maker:
    """Characters of an alphabet in no order, the same for equal lengths."""
    return lambda length: "".join(random.Random(seed).choices(alphabet, k=length))


def counted(form: str) -> Maker:
    """A form filled with one number after the other: every piece is different."""

    def make(length: int) -> str:
        needed = length // len(form.format(0)) + 1
        return "".join(form.format(number) for number in islice(count(), needed))[:length]

    return make


def _letters_of(first: int, last: int) -> str:
    return "".join(chr(code) for code in range(first, last + 1) if chr(code).isalpha())


def _distinct_words(length: int) -> str:
    """No word comes twice."""
    dice = random.Random(3)
    words = ("".join(dice.choices("abcdefghijklmnopqrstuvwxyz", k=7)) for _ in count())
    return " ".join(islice(words, length // 8 + 1))[:length]


_BODIES: dict[str, Maker] = {
    # Letters without an end
    "one letter": repeated("a"),
    "one capital": repeated("A"),
    "letters of one word": repeated("abcdefghij"),
    "letters drawn": drawn("abcdefghijklmnopqrstuvwxyz"),
    "consonants": repeated("bcdfghjk"),
    "capitals and small letters in turn": repeated("aB"),
    "a run and a mark": repeated("a", after="!"),
    "runs of seven letters": repeated("aaaaaaab"),
    "accented letters": repeated("éàüßœ"),
    "Cyrillic letters": repeated("щёлкобъ"),
    "Greek letters": repeated("αβγδεζ"),
    "Arabic letters": repeated("السلامعليكم"),
    "Hebrew letters": repeated("שלוםעולם"),
    "Devanagari letters": repeated("नमस्तेदुनिया"),
    "Thai without spaces": repeated("โรงแรมนี้ดีมากพนักงานบริการดี"),
    "Thai that can be cut in many ways": repeated("กา"),
    "one Thai consonant": repeated("ก"),
    "Thai vowel signs": repeated("เแโ"),
    "Thai letters drawn": drawn("กขคงจชซญดตถทนบปพมยรลวสหอะาิีุูเแโใไ่้"),
    "Chinese without marks": repeated("房间很干净服务员态度非常好下次还来"),
    "one Chinese character": repeated("好"),
    "Chinese characters drawn": drawn(_letters_of(0x4E00, 0x52FF)),
    "Japanese without marks": repeated("部屋はとても綺麗でスタッフも親切でした"),
    "katakana": repeated("カタカナ"),
    "hiragana": repeated("すももももももものうち"),
    "Hangul syllables": repeated("직원이친절하고방이깨끗해요"),
    "Hangul jamo": repeated("\u1112\u1161\u11ab"),
    "Han and Latin in turn": repeated("好a"),
    # Marks and what cannot be seen
    "combining marks on one letter": repeated("\u0301", before="a"),
    "marks on every letter": repeated("e\u0301\u0327"),
    "marks out of order": repeated("\u0315\u0300\u05ae\u0062"),
    "letters that decompose": repeated("\ufdfa"),
    "zero-width spaces": repeated("\u200b"),
    "words cut by zero-width joiners": repeated("a\u200d"),
    "bidirectional overrides": repeated("\u202e\u202dab"),
    "bidirectional isolates, nested": nested("\u2067", "\u2069"),
    "variation selectors": repeated("\ufe0f"),
    "families of emoji": repeated("👩\u200d👩\u200d👧\u200d👦"),
    "one endless emoji": repeated("👩\u200d"),
    "flags": repeated("🇩🇪"),
    "lone surrogates": repeated("\ud800"),
    "surrogates out of order": repeated("\udfff\ud800a"),
    "control characters": repeated("\x00\x01\x1f\x7f"),
    "characters that shrink in lower case": repeated("İ"),
    "private characters": repeated("\ue000\U000f0000"),
    # Numbers
    "digits": repeated("7"),
    "digits drawn": drawn("0123456789"),
    "digits of other scripts": repeated("٣۴५７"),
    "telephone numbers": repeated("+44 20 7946 0018 "),
    "telephone numbers, all different": counted("+1 202 555 {:04} "),
    "telephone numbers that are announced": counted("tel 1 2 3 55{:07} "),
    "telephone numbers without a space": repeated("(020)7946-0018"),
    "one digit and a space": repeated("1 "),
    "digits between every separator": repeated("1 - ."),
    "payment cards": repeated("4111 1111 1111 1111 "),
    "payment cards in one run": repeated("4111111111111111"),
    "accounts": repeated("GB82 WEST 1234 5698 7654 32 "),
    "almost accounts": repeated("GB82 A1B2 "),
    "an account without an end": repeated("A1", before="DE89"),
    "identifiers": repeated("RSSMRA85T10A562S 756.9217.0769.85 "),
    "decimals": repeated("1.234,"),
    "dates": repeated("01/02/2023 "),
    "addresses of machines": repeated("192.168.17.254.", before="my ip "),
    "addresses of machines, version 6": repeated("2001:db8:"),
    "colons": repeated("a:"),
    # Addresses and links
    "at-signs": repeated("@"),
    "almost e-mail addresses": repeated("a@"),
    "an address without a domain": repeated("a.b-c+d", after="@"),
    "an address with too many labels": repeated("a.", before="me@"),
    "addresses glued together": repeated("me@example.com"),
    "words for at and dot": repeated("anna at web dot de "),
    "words for at in brackets": repeated("a (at) "),
    "dots in words": repeated("a dot "),
    "handles": repeated("@anna_k92 "),
    "almost links": repeated("www."),
    "links": repeated("https://example.com/a?b=c&"),
    "a link without an end": repeated("a/", before="https://example.com/"),
    "hyphens in a domain": repeated("a-", after=".com"),
    "dots": repeated("."),
    "profiles": repeated("instagram.com/anna facebook.com/"),
    # Addresses of houses, and names
    "house numbers": repeated("12 Main "),
    "streets without a number": repeated("Calle de la Rosa "),
    "streets of Italy without a number": repeated("Via del Corso "),
    "Avenue and a number": repeated("rue de la Paix 12 "),
    "a street of many capitals": repeated("Aa "),
    "a street glued together": repeated("Lindenstraße"),
    "avenues glued together": repeated("Av."),
    "a road of many towns": repeated("12 Main Road" + " Aa" * 14 + ", "),
    "flats in towns": repeated("Flat 2, " + "a " * 14),
    "Dutch endings": repeated("Kerkweg "),
    "Polish streets": repeated("ul. Długa "),
    "Russian streets": repeated("ул. Ленина "),
    "postcodes": repeated("SW1A 1AA "),
    "Japanese addresses": repeated("東京都渋谷区神南"),
    "Korean roads": repeated("세종대로"),
    "flats": repeated("Flat 2, "),
    "names in capitals": repeated("ANNA SMITH "),
    "titles": repeated("Mr "),
    "titles and names": repeated("Mr Smith and Mrs Jones "),
    "introductions": repeated("my name is "),
    "introductions and names": repeated("My name is Anna Kowalska, manager Priscilla Vance. "),
    "particles": repeated("van der ", before="Mr "),
    "a name of hyphens": repeated("Anna-"),
    "short names of hyphens": repeated("Aa-"),
    "a name of apostrophes": repeated("O'N"),
    "dashes before names": repeated("\n- A"),
    "Japanese names": repeated("名前は山田"),
    "の without a name": repeated("の"),
    # Punctuation, markup and space
    "spaces": repeated(" "),
    "one word far away": repeated(" ", before="good", after="bad"),
    "tabs and breaks": repeated("\t \r\n\u00a0\u2003"),
    "line breaks": repeated("\n"),
    "lines that end in spaces": repeated("a   \n"),
    "exclamation marks": repeated("!"),
    "sentences of one letter": repeated("a. "),
    "commas": repeated(","),
    "contrast words": repeated(", but"),
    "contrast without a space": repeated("但是"),
    "brackets, nested": nested("(", ")"),
    "brackets that never close": repeated("[({<"),
    "quotes, nested": nested("“‘", "’”"),
    "apostrophes": repeated("l'"),
    "hyphens": repeated("-"),
    "hyphenated words": repeated("a-b-"),
    "backslashes": repeated("\\"),
    "escapes": repeated("\\u0041\\n"),
    "tags that never close": repeated("<a "),
    "line-break tags that never close": repeated("<br "),
    "a tag of spaces": repeated(" ", before="<br"),
    "many tags of spaces": repeated("<br" + " " * 90),
    "paragraph tags of spaces": repeated("<  "),
    "tags, nested": nested("<div>", "</div>"),
    "comments that never close": repeated("<!--"),
    "character references": repeated("&amp;lt;"),
    "ampersands": repeated("&"),
    "a reference without an end": repeated("a", before="&"),
    "numbers as references": repeated("&#x1F600;"),
    "a reference of digits": repeated("9", before="&#"),
    "a reference of zeros": repeated("0", before="&#"),
    "a reference of hexadecimal digits": repeated("f", before="&#x"),
    "percent signs": repeated("%41%"),
    "money": repeated("💰 "),
    # Words
    "one word": repeated("good "),
    "words that are all different": _distinct_words,
    "words of one letter": repeated("a b c d "),
    "words of two letters": repeated("ab "),
    "topics": repeated("room staff price breakfast "),
    "topics glued together": repeated("roomstaffprice"),
    "aspects without an end": repeated("battery life screen "),
    "prefixes of phrases": repeated("click here to "),
    "keyword marks": repeated("C++ "),
    "negations": repeated("not "),
    "keyboard rows": repeated("qwerty asdf "),
    "messengers": repeated("whatsapp "),
    "words of numbers": counted("w{} "),
    "a number after a word": repeated("call me crazy 1000000000 "),
}


def _baited(body: Maker) -> Maker:
    return lambda length: body(length - len(_BAIT)) + _BAIT


HOSTILE_TEXTS: dict[str, Maker] = _BODIES | {
    f"{name}, with bait": _baited(body) for name, body in _BODIES.items()
}
"""Name -> a function that makes the text of a given length."""

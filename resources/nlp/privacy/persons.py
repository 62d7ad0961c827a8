# ruff: noqa: RUF001 - these patterns name characters of many scripts
"""Names of people, where the words around them say that they are names.

A first name alone is no finding: "Anna was great" names nobody outside the place. "My name is
Anna", "Mrs Abernathy", "manager Priscilla Vance", "a waiter called Giles" and a signature are.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache

from resources.nlp.privacy.patterns import (
    NAME_WORD,
    PARTICLE,
    after_no_letter,
    cased,
    compiled,
    loosened,
    words,
)
from resources.nlp.privacy.spans import Span

_NAME = rf"{NAME_WORD}(?:[ \u00a0](?:\p{{Lu}}\. )?{PARTICLE}{NAME_WORD}){{0,2}}"
_SURNAMES = (
    "王李张刘陈杨黄赵吴周徐孙马朱胡郭何林罗郑梁谢宋唐许韩冯邓曹彭曾肖田董袁潘蒋蔡余杜叶程苏魏吕丁任沈姚"
    "卢姜崔钟谭陆汪范廖贾夏韦付邹孟熊秦邱江尹薛闫段雷侯龙陶黎贺顾毛郝龚邵钱严覃武戴莫孔"
)
UNSPACED = (
    r"名前は(?P<name>[\p{Han}\p{Hiragana}\p{Katakana}ー]{2,6}?)(?:です|と申し|といい)",
    r"(?P<name>(?:\p{Han}{2,5}|\p{Katakana}{2,8}))と申します",
    (
        r"(?:担当|店長|受付|スタッフ|店員|マネージャー|担当者|料理長|女将|支配人|先生|コンシェルジュ)"
        r"の(?P<name>[\p{Han}\p{Katakana}ー]{1,6}?)(?:さん|様|氏|さま)"
    ),
    r"我(?:叫|的名字(?:是|叫))(?P<name>(?!什么)\p{Han}{2,3})(?=[，,。.！!、\s]|$)",
    rf"(?<!\p{{Han}})(?P<name>[{_SURNAMES}])(?:先生|女士|小姐|经理|医生|师傅|老师)",
    r"이름은 ?(?P<name>[가-힣]{2,4}?)(?:입니다|이에요|예요|이고)",
    r"मेरा नाम (?P<name>[\p{Devanagari}]+(?: [\p{Devanagari}]+)?) है",
)
UNSPACED_SIGN = (
    "名前は|と申します|の[^。、]*(?:さん|様|氏|さま)|我叫|我的名字|先生|女士|小姐|经理|医生|师傅|老师"
    "|이름은|मेरा नाम"
)
_CAPITAL = compiled(r"(?<![\p{L}\p{M}'’.-])\p{Lu}")
_PARTICLES = frozenset(
    {
        "van",
        "von",
        "vom",
        "zu",
        "de",
        "der",
        "den",
        "des",
        "del",
        "della",
        "da",
        "di",
        "do",
        "dos",
        "das",
        "du",
        "la",
        "le",
        "el",
        "al",
        "bin",
        "ben",
        "ten",
        "ter",
        "af",
    }
)
_DASHES = ("-", "–", "—", "~")
_WIDEST_GAP = 3
_MAX_PARTICLES = 3
# Particles before a surname, as the pattern for a whole batch sees them.
_SMALL_WORDS = rf"(?:[A-Za-z]{{2,5}}\s{{1,3}}){{0,{_MAX_PARTICLES}}}"
# Behind a signature only an office or a place may stand: "Hotel Manager", "Leeds".
_CLOSED = compiled(r"(?:,?\s\p{Lu}[\p{L}.]*| of| &| and| the){0,7}[ \u00a0]*[.!]?\s*$")
# A sentence that follows without a space: "soon!Sincerely,".
_GLUED = compiled(r"(?<=[\p{Ll}][.!?])(?=\p{Lu})")
_WORD = compiled(r"[\p{L}\p{M}'’]+")
_LOOK_BACK = 70
_TITLE_LENGTH = 16
_SPEAKER_DISTANCE = 34
_MAX_WORDS = 4
_MOSTLY, _FEW_WORDS = 0.6, 4
# Of these one word is a name enough; of the others a surname is wanted too.
_ONE_WORD = frozenset({"title", "introduction", "named", "closing", "light_closing"})
_AT_THE_END = frozenset({"closing", "light_closing", "dash"})
_NEED_SMALL_LETTERS = frozenset({"role", "named"})


def find_unspaced_persons(text: str) -> Iterator[Span]:
    """Find names in the scripts that have no capitals."""
    for pattern in UNSPACED:
        for match in compiled(pattern).finditer(text):
            yield Span("person", match.start("name"), match.end("name"))


def find_persons(text: str, language: str) -> Iterator[Span]:
    """Find names in the scripts that have capitals.

    Args:
        text: What was written.
        language: Its ISO 639-1 code; some titles are words of their own in other languages.
    """
    title_case = _is_title_case(text)
    for capital in _CAPITAL.finditer(text):
        start, trigger = _trigger_before(text, capital.start(), language)
        if trigger is None or (title_case and trigger in _NEED_SMALL_LETTERS):
            continue
        end = _end_of_name(text, capital.start(), trigger, language)
        if end is not None:
            yield Span("person", start, end)


@lru_cache(maxsize=1)
def signs() -> tuple[str, ...]:
    """What a text with a name holds; asked of every text."""
    lists = words()
    titles = [title for titles in lists["titles"].values() for title in titles]
    phrases = cased([*lists["introductions"], *lists["roles"], *lists["named"]])
    announced = after_no_letter([*titles, *phrases])
    closing = after_no_letter(cased([*lists["closings"]]))
    light = after_no_letter(cased(lists["light_closings"]))
    return (
        loosened(rf"{announced}[.,:!]*\s{{1,3}}{_SMALL_WORDS}\p{{Lu}}"),
        loosened(rf"{closing}[.,:!]*\s{{0,3}}{_SMALL_WORDS}\p{{Lu}}"),
        loosened(rf"{light}[.,:!]*\s*\n\s*{_SMALL_WORDS}\p{{Lu}}"),
        loosened(r"\n\s*[-–—~]\s*\p{Lu}"),
    )


@lru_cache(maxsize=128)
def _triggers(language: str) -> dict[str, str]:
    """Words before a name -> what sort of words they are."""
    lists = words()
    titles = [*lists["titles"]["*"], *lists["titles"].get(language, ())]
    sorts = {
        "light_closing": lists["light_closings"],
        "closing": lists["closings"],
        "role": lists["roles"],
        "named": lists["named"],
        "introduction": lists["introductions"],
    }
    known = {spelling: sort for sort, phrases in sorts.items() for spelling in cased(phrases)}
    return known | dict.fromkeys(titles, "title")


def _trigger_before(text: str, start: int, language: str) -> tuple[int, str | None]:
    """Where a name would begin, and what announces it; nothing if nothing does."""
    before = _GLUED.sub(" ", text[max(0, start - _LOOK_BACK) : start])
    spoken = before.rstrip()
    if spoken[-1:] in _DASHES and "\n" in before and not spoken[:-1].rpartition("\n")[2].strip():
        return start, "dash"
    gap = len(before) - len(spoken)
    for _ in range(_MAX_PARTICLES):
        earlier, space, last = spoken.rpartition(" ")
        if not space or not 0 < gap <= _WIDEST_GAP or last.lower() not in _PARTICLES:
            break
        start -= gap + len(last)
        before = earlier + space
        spoken = before.rstrip()
        gap = len(before) - len(spoken)
    if gap > _WIDEST_GAP or (gap == 0 and not spoken.endswith(",")):
        return start, None
    said = spoken.split()[-_MAX_WORDS:]
    if not said or said[-1].rstrip(".,:!").lower() not in _last_words(language):
        return start, None
    known = _triggers(language)
    for first in range(len(said)):
        phrase = " ".join(said[first:]).lstrip("\"'“«(¡¿-—")
        sort = known.get(phrase) or known.get(phrase.rstrip(".,:!"))
        if sort and _fits(sort, phrase, before[len(spoken) :], text, start):
            return start, sort
    return start, None


@lru_cache(maxsize=128)
def _last_words(language: str) -> frozenset[str]:
    return frozenset(phrase.split()[-1].rstrip(".,:!").lower() for phrase in _triggers(language))


def _fits(sort: str, phrase: str, gap: str, text: str, start: int) -> bool:
    """Whether the punctuation between announcement and name is that of its sort."""
    if sort == "light_closing":
        return "\n" in gap
    if sort == "closing":
        return True
    if not gap or "\n" in gap or phrase.endswith("!"):
        return False
    if sort == "named":
        heard = _WORD.findall(text, max(0, start - _SPEAKER_DISTANCE - len(phrase)), start)
        return any(word.lower() in _people() for word in heard[: -len(phrase.split())])
    return sort == "title" or not phrase.endswith(".")


@lru_cache(maxsize=1)
def _people() -> frozenset[str]:
    """Single words for people and their work."""
    lists = words()
    phrases: list[str] = [*lists["roles"], *lists["people"]]
    function_words = {"for", "to", "with", "nach", "di", "por", "naar", "o"}
    return frozenset(phrase.split()[-1].lower() for phrase in phrases) - function_words


def _end_of_name(text: str, start: int, trigger: str, language: str) -> int | None:
    """Where the name that starts with a capital ends; nothing if it is none."""
    match = compiled(_NAME).match(text, start)
    if match is None:
        return None
    kept = _plausible_words(match[0], text, start, language)
    if not kept or (trigger not in _ONE_WORD and " " not in kept.replace("\u00a0", " ")):
        return None
    end = start + len(kept)
    return None if trigger in _AT_THE_END and not _CLOSED.match(text, end) else end


def _plausible_words(name: str, text: str, start: int, language: str) -> str:
    """The beginning of a candidate that can be a name: up to the first word that is none."""
    no_names, brands = _no_names()
    shouted = not any(letter.islower() for letter in text[max(0, start - 12) : start])
    said = text[max(0, start - _TITLE_LENGTH) : start].split()
    end = last = 0
    for match in compiled(r"[^ \u00a0]+").finditer(name):
        word = match[0]
        is_title = _triggers(language).get(word.rstrip(".")) == "title"
        if (
            word.lower() in no_names
            or is_title
            or (end == 0 and _follows(word.lower(), said) in brands)
        ):
            break
        if shouted and word.isupper() and len(word) > 1:
            break
        end = match.end()
        if word[0].isupper() and not word.endswith("."):
            last = end
    return name[:last]


def _follows(word: str, said: list[str]) -> str:
    """The title before a word and the word: "dr martens"."""
    return f"{said[-1].strip('.').lower()} {word}" if said else word


@lru_cache(maxsize=1)
def _no_names() -> tuple[frozenset[str], frozenset[str]]:
    lists = words()
    particles = {"de", "la", "le", "el", "das", "der", "die", "do", "da", "los", "y", "o", "den"}
    return frozenset(lists["not_names"]) - particles, frozenset(lists["brands"])


def _is_title_case(text: str) -> bool:
    """Whether Nearly Every Word Begins Like This, so that capitals say nothing."""
    found = _WORD.findall(text)
    if len(found) < _FEW_WORDS:
        return False
    capitals = sum(map(str.istitle, (word[0] for word in found)))
    return capitals > _MOSTLY * len(found)

"""Words of the scripts that do not separate them: Chinese, Japanese, Thai.

Each language has the segmenter that was best for its price in a comparison: jieba in Rust
(``rjieba``), MeCab with its IPA dictionary (``fugashi``, ``ipadic``), and the maximal matching of
PyThaiNLP in Rust (``nlpo3``) with its word list (``lexicons/words_th.txt``, CC0). All of them are
dictionaries inside their packages: nothing is downloaded or written.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from importlib import import_module
from importlib.metadata import version
from pathlib import Path

THAI_WORDS = Path(__file__).parent / "lexicons" / "words_th.txt"

_PACKAGES = ("rjieba", "fugashi", "ipadic", "nlpo3")
_UNREADABLE = re.compile("[\x00\ud800-\udfff]")  # C strings end at the first, UTF-8 lacks the rest
_HAS_LETTER = re.compile(r"[^\W\d_]")
# Chinese word classes: nouns, nominal verbs and adjectives, and the letters of other scripts.
_CHINESE_NOUN = re.compile("n|vn|an|eng")
_JAPANESE_NOUN = "名詞"
# Numbers, pronouns, endings, nouns that only carry grammar or a manner, and what a customer feels
# ("綺麗", "残念").
_JAPANESE_NO_NOUN = frozenset(
    [
        "数",
        "代名詞",
        "接尾",
        "非自立",
        "副詞可能",
        "特殊",
        "接続詞的",
        "動詞非自立的",
        "形容動詞語幹",
    ]
)


@dataclass(frozen=True, slots=True)
class Token:
    """A word of an unspaced text.

    Attributes:
        start: Code point offset of its first character.
        end: Offset after its last one.
        is_content: Whether it may be part of a keyphrase: a noun where the segmenter knows word
            classes, any word with letters where it does not.
    """

    start: int
    end: int
    is_content: bool


@lru_cache(maxsize=1)
def segmenter_version() -> str:
    """Short hash of what decides how texts are cut: the packages' versions and the word list."""
    packages = "".join(f"{name}={version(name)}\n" for name in _PACKAGES)
    return hashlib.sha256(packages.encode() + THAI_WORDS.read_bytes()).hexdigest()[:10]


def is_segmented(language: str) -> bool:
    """Whether texts of a language are cut into words by ``segment``."""
    return language in _SEGMENTERS


def segment(text: str, language: str) -> list[Token]:
    """Cut a text into words, in order; separators may be left out.

    Args:
        text: Any string.
        language: One for which ``is_segmented`` holds.
    """
    readable = _UNREADABLE.sub("\ufffd", text)
    tokens = []
    position = 0
    for word, is_content in _SEGMENTERS[language](readable):
        start = readable.find(word, position)
        if start < 0 or not word.strip():
            continue
        position = start + len(word)
        tokens.append(Token(start, position, is_content and bool(_HAS_LETTER.search(word))))
    return tokens


_Words = list[tuple[str, bool]]


def _chinese(text: str) -> _Words:
    import rjieba

    return [
        (word, bool(_CHINESE_NOUN.match(word_class)))
        for word, word_class in rjieba.tag(text, hmm=False)
    ]


def _japanese(text: str) -> _Words:
    return [(node.surface, _is_japanese_noun(*node.feature[:2])) for node in _mecab()(text)]


def _is_japanese_noun(word_class: str, kind: str) -> bool:
    return word_class == _JAPANESE_NOUN and kind not in _JAPANESE_NO_NOUN


def _thai(text: str) -> _Words:
    import nlpo3

    return [(word, True) for word in nlpo3.segment(text, _thai_dictionary())]


@lru_cache(maxsize=1)
def _mecab() -> Callable[[str], list[_Node]]:
    # Neither is typed.
    dictionary = import_module("ipadic")
    tagger: Callable[[str], list[_Node]] = import_module("fugashi").GenericTagger(
        dictionary.MECAB_ARGS
    )
    return tagger


class _Node:
    """What MeCab says of a word."""

    surface: str
    feature: tuple[str, ...]


@lru_cache(maxsize=1)
def _thai_dictionary() -> str:
    import nlpo3

    nlpo3.load_dict(str(THAI_WORDS), "words_th")
    return "words_th"


_SEGMENTERS: dict[str, Callable[[str], _Words]] = {
    "zh": _chinese,
    "ja": _japanese,
    "th": _thai,
}

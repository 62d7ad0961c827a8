"""Singular and plural of terms: enough to recognise a term, not to write the language.

A form that does not exist does no harm, for nobody writes it. Lemmas, as simplemma gives them,
would answer the opposite question: terms are sought in texts as they are written, by the forms of
each, so that no text has to be taken apart. Its tables take 8.5 s to load for ten languages.
"""

from __future__ import annotations

import re

_SHORT = 3
# Words whose plural would be cut wrongly.
_WHOLE = re.compile(
    r"\b(movie|cookie|brownie|smoothie|veggie|foodie|calorie|pie|tie|selfie|zombie|menu|house|case"
    r"|purchase|hose|phase|base|vase|course|nurse|purse|sense|license|expense|response|release)s$"
)
_ENGLISH_ES = re.compile(r"(s|x|z|ch|sh)$")
_PLURAL_ENDINGS = {
    "de": ("e", "en", "n", "er", "s", "es"),
    "fr": ("s", "x"),
    "es": ("s", "es"),
    "pt": ("s", "es"),
    "nl": ("en", "s", "'s", "n"),
    "sv": ("en", "et", "n", "t", "er", "ar", "or", "na", "erna", "arna", "ens", "ets"),
    "ru": ("а", "у", "ом", "е", "ы", "и", "ов", "ам", "ами", "ах"),  # noqa: RUF001 - Cyrillic
    "tr": ("i", "ı", "u", "ü", "si", "sı", "su", "sü", "ler", "lar", "leri", "ları"),  # noqa: RUF001
}
_MANY_CASES = {"pl", "ru"}
# Last letter -> what it becomes; in languages of many cases, each of these letters.
_CHANGED_ENDINGS = {
    "it": {"o": "i", "a": "e", "e": "i"},
    "pl": {"a": "aąęyieę", "e": "eaiu", "o": "oaiu", "ość": "ości"},
    "ru": {"а": "ыиуеой", "я": "июей", "о": "ауе", "е": "яюа", "ь": "яюие", "й": "яюею"},  # noqa: RUF001
    "pt": {"ão": "ões", "l": "is", "m": "ns"},
    "fr": {"al": "aux", "eau": "eaux"},
}


def singular(term: str) -> str:
    """An English term with its last word in the singular."""
    if _WHOLE.search(term):
        return term[:-1]
    if len(term) <= _SHORT or term.endswith(("ss", "us", "is")) or not term.endswith("s"):
        return term
    if term.endswith("ies"):
        return term[:-3] + "y"
    if term.endswith("es") and _ENGLISH_ES.search(term[:-2]) and not term.endswith("ses"):
        return term[:-2]
    return term[:-1]


def inflected(term: str, language: str) -> list[str]:
    """Forms in which a term may stand in a text, the term itself first.

    Args:
        term: One or more words in lower case.
        language: Its code; of a language that is not known here only the term itself is given.
    """
    forms = [term]
    if language == "en":
        one = singular(term)
        forms += [one, _english_plural(one)]
    forms += [term + ending for ending in _PLURAL_ENDINGS.get(language, ())]
    for ending, changed in _CHANGED_ENDINGS.get(language, {}).items():
        if term.endswith(ending):
            stem = term.removesuffix(ending)
            many = language in _MANY_CASES and len(ending) == 1
            forms += [stem + letter for letter in (changed if many else [changed])]
    return list(dict.fromkeys(forms))


def _english_plural(term: str) -> str:
    if _ENGLISH_ES.search(term):
        return term + "es"
    if term.endswith("y") and len(term) > 1 and term[-2] not in "aeiou":
        return term[:-1] + "ies"
    return term + "s"

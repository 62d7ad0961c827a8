"""The words and weights that aspects are mined with, made from data of free licences.

``product_reviews_1`` (Hu and Liu 2004, CC BY 4.0) marks in reviews of five products which terms an
opinion is about. The opinion words are those of the opinion lexicon (CC BY 4.0), the kinds of
English words those of Brill's tagger (1993, MIT licence, with additions under CC BY 3.0) as
TextBlob carries it. ``python -m resources.training.aspects DATA_FOLDER`` makes
``models/aspects.npz``; the same data give the same bytes.
"""

from __future__ import annotations

import html
import json
import re
import sys
import zipfile
from collections.abc import Iterable
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import numpy as np

from resources.errors import ReviewGraphError
from resources.nlp.aspects.grammar import FUNCTION_WORDS, Kind, classify, kind_table
from resources.nlp.aspects.lookup import HashTable
from resources.nlp.aspects.occurrences import COLUMN_COUNT, NUMBER_COUNT, Numbers, look_around
from resources.nlp.aspects.tokens import tokenise
from resources.nlp.aspects.vocabulary import ENGLISH, SHIPPED_MODEL, seeds
from resources.training.term_candidates import Candidates, find_candidates, key_of, noun_spans

_KINDS_OF_TAGS = {
    "JJ": Kind.ADJECTIVE,
    "VBG": Kind.GERUND,
    "VBN": Kind.PARTICIPLE,
    "VB": Kind.VERB,
    "MD": Kind.VERB,
    "RB": Kind.ADVERB,
    "CD": Kind.NUMBER,
    "NN": Kind.NOUN,
}
_NO_TERM = re.compile(r"\[[up]\]")  # the term does not stand in the sentence
_PLAIN_WORD = re.compile(r"[a-z][a-z']+")
_NOUNS = {Kind.NOUN, Kind.NOUN_OR_VERB, Kind.VERB}
_OCCURRENCE_PENALTY, _TERM_PENALTY = 3.0, 1.0
_STEPS = 50
_CONVERGED = 1e-8
_MAX_WEIGHT = 8  # uses of one phrase that count, or one phrase would outweigh all others


class MissingWordListError(ReviewGraphError):
    """A word list that training needs is not installed."""


@dataclass(frozen=True)
class Sentence:
    """A sentence of a review and the terms that a person marked, as keys."""

    text: str
    terms: frozenset[str]


def read_marked_sentences(folder: Path) -> dict[str, list[Sentence]]:
    """The sentences of each product.

    Args:
        folder: Holds ``nltk/product_reviews_1.zip``.
    """
    products: dict[str, list[Sentence]] = {}
    with zipfile.ZipFile(folder / "nltk" / "product_reviews_1.zip") as archive:
        for name in sorted(archive.namelist()):
            if not name.endswith(".txt") or name.endswith("README.txt"):
                continue
            lines = archive.read(name).decode("latin-1").splitlines()
            products[name] = [_sentence(line) for line in lines if "##" in line]
    return products


def _sentence(line: str) -> Sentence:
    tags, _, text = line.partition("##")
    terms = [
        tag.split("[")[0].strip().lower() for tag in tags.split(",") if not _NO_TERM.search(tag)
    ]
    return Sentence(
        html.unescape(text.strip()), frozenset(key_of(term, ENGLISH) for term in terms if term)
    )


def english_word_kinds(folder: Path) -> dict[str, str]:
    """Word -> name of its kind, from the tagger's lexicon, the opinion words and our own lists."""
    kinds = {word: kind for word, kind in _tagged_words() if _PLAIN_WORD.fullmatch(word)}
    own = seeds()["english"]
    kinds |= dict.fromkeys(own["nouns_or_verbs"].split(), Kind.NOUN_OR_VERB)
    general = seeds()["general"][ENGLISH].split()
    kinds |= {word: Kind.GENERAL for word in general if kinds.get(word, Kind.NOUN) in _NOUNS}
    kinds |= dict.fromkeys(own["evaluative"].split(), Kind.EVALUATIVE)
    kinds |= {word: Kind.OPINION for word in _opinion_words(folder) if _PLAIN_WORD.fullmatch(word)}
    kinds |= dict.fromkeys(own["other"].split(), Kind.OTHER)
    kinds |= dict.fromkeys(own["negations"].split(), Kind.NEGATION)
    kinds |= dict.fromkeys(seeds()["contrast"][ENGLISH].split(), Kind.CONTRAST)
    return {word: kinds[word].name for word in sorted(kinds)}


def _tagged_words() -> Iterable[tuple[str, Kind]]:
    package = find_spec("textblob")
    if package is None or package.origin is None:
        raise MissingWordListError(
            "The kinds of English words come from the package textblob, which is not installed. "
            "Install it, then train again."
        )
    path = Path(package.origin).parent / "en" / "en-lexicon.txt"
    for line in path.read_text(encoding="utf-8").splitlines():
        word, _, tag = line.partition(" ")
        if tag and not line.startswith(";"):
            named = [kind for prefix, kind in _KINDS_OF_TAGS.items() if tag.startswith(prefix)]
            yield word, named[0] if named else Kind.OTHER


def _opinion_words(folder: Path) -> list[str]:
    words: list[str] = []
    with zipfile.ZipFile(folder / "nltk" / "opinion_lexicon.zip") as archive:
        for name in archive.namelist():
            if name.endswith("-words.txt"):
                lines = archive.read(name).decode("latin-1").splitlines()
                words += [line for line in lines if line and not line.startswith(";")]
    return words


def fit(features: Numbers, truth: Numbers, importance: Numbers, penalty: float) -> Numbers:
    """Weights of a logistic regression, by Newton's method.

    Args:
        features: ``[rows, features]``.
        truth: Wanted probability of each row.
        importance: Weight of each row.
        penalty: Of squared weights.
    """
    weights = np.zeros(features.shape[1])
    for _ in range(_STEPS):
        chance = 1 / (1 + np.exp(-(features @ weights)))
        slope = features.T @ (importance * (chance - truth)) + penalty * weights
        curvature = (features * (importance * chance * (1 - chance))[:, None]).T @ features
        step = np.linalg.solve(curvature + penalty * np.eye(len(weights)), slope)
        weights -= step
        if np.abs(step).max() < _CONVERGED:
            break
    return weights


def train_occurrences(products: dict[str, list[Sentence]], english: HashTable) -> Numbers:
    """Weights that tell from the surroundings of a noun whether an opinion is about it."""
    sentences = [sentence for product in products.values() for sentence in product]
    tokens = tokenise([sentence.text for sentence in sentences])
    kinds = classify(tokens, [ENGLISH] * len(sentences), english)
    starts, ends, whole = noun_spans(tokens, kinds, ENGLISH)
    starts, ends = starts[whole], ends[whole]
    around = look_around(tokens, kinds, starts, ends)
    rows = np.arange(len(starts))
    features = np.zeros((len(starts), COLUMN_COUNT + NUMBER_COUNT))
    for column in around.columns.T:
        features[rows, column] = 1
    features[:, COLUMN_COUNT:] = around.numbers
    lower = tokens.lower_text
    truth = [
        key_of(lower[tokens.starts[start] : tokens.ends[end - 1]], ENGLISH)
        in sentences[tokens.owners[start]].terms
        for start, end in zip(starts.tolist(), ends.tolist(), strict=True)
    ]
    return fit(features, np.array(truth, float), np.ones(len(starts)), _OCCURRENCE_PENALTY)


def train_terms(
    products: dict[str, list[Sentence]], occurrence: Numbers, english: HashTable
) -> dict[str, Numbers]:
    """Mean and scale of the features of candidates, and their weights (the first is a bias)."""
    matrices, truths, counts = [], [], []
    for sentences in products.values():
        candidates = find_candidates([one.text for one in sentences], ENGLISH, occurrence, english)
        matrices.append(candidates.matrix())
        truths.append(_marked_share(candidates, sentences))
        counts.append(candidates.table["count"].to_numpy())
    features, truth, count = (np.concatenate(parts) for parts in (matrices, truths, counts))
    mean, scale = features.mean(axis=0), features.std(axis=0) + 1e-6
    scaled = np.column_stack((np.ones(len(features)), (features - mean) / scale))
    importance = np.sqrt(np.minimum(count, _MAX_WEIGHT).astype(np.float64))
    weights = fit(scaled, truth, importance, _TERM_PENALTY)
    return {"term_mean": mean, "term_scale": scale, "term_weights": weights}


def _marked_share(candidates: Candidates, sentences: list[Sentence]) -> Numbers:
    marked: dict[str, int] = {}
    for sentence in sentences:
        for term in sentence.terms:
            marked[term] = marked.get(term, 0) + 1
    return np.array(
        [
            min(1.0, marked.get(key, 0) / count)
            for key, count in candidates.table.select("key", "count").iter_rows()
        ]
    )


def train(folder: Path, path: Path = SHIPPED_MODEL) -> dict[str, int]:
    """Make the file of words and weights.

    Args:
        folder: Holds the folder ``nltk``.
        path: The file to write.

    Returns:
        How much it was made of, for the model card.
    """
    kinds = english_word_kinds(folder)
    arrays: dict[str, np.ndarray] = {
        "kind_names": np.array(" ".join(kind.name for kind in Kind)),
        "words": np.frombuffer("\n".join(kinds).encode(), np.uint8),
        "kinds": np.array([list(Kind).index(Kind[name]) for name in kinds.values()], np.uint8),
    }
    english = kind_table(kinds, FUNCTION_WORDS)
    products = read_marked_sentences(folder)
    occurrence = train_occurrences(products, english)
    learnt = {"occurrence": occurrence} | train_terms(products, occurrence, english)
    arrays |= {name: values.astype(np.float32) for name, values in learnt.items()}
    np.savez_compressed(path, allow_pickle=False, **arrays)
    return {
        "words": len(kinds),
        "products": len(products),
        "sentences": sum(len(sentences) for sentences in products.values()),
    }


def main() -> None:
    """Train from the folder given on the command line."""
    print(json.dumps(train(Path(sys.argv[1]))))  # noqa: T201 - this is a command


if __name__ == "__main__":
    main()

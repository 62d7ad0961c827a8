"""Making the shipped text vectors: ``python -m resources.training.embeddings DATA TEACHER``.

English words get the vectors that a sentence transformer gives them, reduced to their principal
components, and are then fitted so that their weighted sums resemble what it says of whole
sentences. Korean and Indonesian words get theirs from the words beside which they stand, and
common review words of thirteen languages those of their English translations in
``lexicons/concepts.json``. Every other word keeps its random direction: there the vectors say no
more than which words two texts share.
"""

from __future__ import annotations

import argparse
import json
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from resources.nlp.clauses import split_clauses
from resources.nlp.embeddings.embedder import SHIPPED_EMBEDDINGS, StaticEmbedder, Vectors
from resources.nlp.embeddings.pieces import Keys, find_pieces
from resources.training.background import STOP_WORDS
from resources.training.neighbours import neighbour_vectors
from resources.training.sources import (
    read_clothing,
    read_indonesian,
    read_korean_films,
    read_labelled_sentences,
    read_languages,
    read_opinion_words,
    read_product_reviews,
    read_pros_and_cons,
    read_thai,
)
from resources.training.teacher import Teacher

CONCEPTS = Path(__file__).parents[1] / "nlp" / "lexicons" / "concepts.json"

_SEED = 7
_DIMENSIONS = 128
_MIN_COUNT = 6  # of an English word in reviews, unless the teacher knows it
_SENTENCES = 16_000
_SENTENCE_WORDS = (3, 40)
_USUAL_SHARE = 1e-2  # a word that is this share of all words counts half
_FOREIGN_SHARE = 5e-3
_STOP_SHARE = 1e-2  # of all words of a language without a list of stop words
_MIN_FOREIGN_COUNT = 3
_FIT_PENALTY, _FIT_ROUNDS = 2.0, 30
_OWN_SHARE = 0.6  # of a word's own random direction beside what it has in common with others
_WORD = re.compile(r"[a-z][a-z']+")


@dataclass(frozen=True)
class Words:
    """Vectors of some words, and how much each counts: ``[words, dimensions]`` and ``[words]``."""

    keys: Keys
    vectors: Vectors
    weights: Vectors


def english_texts(folder: Path) -> pl.Series:
    """English reviews, and what hosts say of their homes."""
    reviews = pl.read_csv(folder / "airbnb_albany" / "reviews.csv.gz", columns=["comments"])
    homes = pl.read_csv(
        folder / "airbnb_albany" / "listings.csv.gz",
        columns=["description", "neighborhood_overview"],
    )
    labelled = (read_clothing, read_labelled_sentences, read_pros_and_cons, read_product_reviews)
    columns = [read(folder)["text"] for read in labelled]
    columns += [reviews["comments"], homes["description"], homes["neighborhood_overview"]]
    texts = pl.concat([column.rename("text") for column in columns]).drop_nulls()
    return texts.str.replace_all(r"<br\s*/?>", " ")


def foreign_texts(folder: Path) -> dict[str, list[str]]:
    """Texts of every other language that there are any of."""
    sentences = read_languages(folder).filter(
        pl.col("kind") == "sentences", pl.col("language") != "en"
    )
    texts = {
        str(code): frame["text"].to_list()
        for (code,), frame in sorted(sentences.group_by("language"), key=lambda part: part[0])
    }
    for read in (read_korean_films, read_indonesian, read_thai):
        frame = read(folder)
        texts[frame["language"][0]] = texts.get(frame["language"][0], []) + frame["text"].to_list()
    return texts


def read_concepts() -> list[dict[str, list[str]]]:
    """What common review words of thirteen languages mean in English."""
    concepts: list[dict[str, list[str]]] = json.loads(CONCEPTS.read_text(encoding="utf-8"))
    return concepts


def english_words(texts: pl.Series, known: Iterable[str], extra: Iterable[str]) -> dict[str, float]:
    """English words that get a vector -> their share of all words of the texts.

    Args:
        texts: English reviews: what stands in them often enough is an English word.
        known: The vocabulary of the teacher. It holds words of other languages too; those that
            have a meaning in the list of concepts ("prix", "bain") stay out.
        extra: More English words.
    """
    counts = Counter(word for text in texts for word in _WORD.findall(text.lower()))
    frequent = {word for word, count in counts.items() if count >= _MIN_COUNT}
    concepts = read_concepts()
    foreign = {
        word for concept in concepts for code in concept if code != "en" for word in concept[code]
    }
    whole = {word for word in known if _WORD.fullmatch(word) and word not in foreign}
    single = {word for word in extra if _WORD.fullmatch(word)}
    total = counts.total()
    return {word: counts[word] / total for word in sorted(frequent | whole | single)}


def sample_sentences(texts: pl.Series) -> list[str]:
    """Different clauses of reviews, neither very short nor very long."""
    shortest, longest = _SENTENCE_WORDS
    clauses = [
        text
        for text in dict.fromkeys(split_clauses(texts).texts)
        if shortest <= len(text.split()) <= longest
    ]
    order = np.random.default_rng(_SEED).permutation(len(clauses))[:_SENTENCES]
    return [clauses[number] for number in order]


def distil(
    words: Mapping[str, float],
    word_vectors: Vectors,
    sentences: Sequence[str],
    sentence_vectors: Vectors,
    dimensions: int = _DIMENSIONS,
) -> Words:
    """Vectors of English words whose weighted sums resemble those of the teacher.

    Args:
        words: Word -> its share of all words.
        word_vectors: What the teacher says of each word alone.
        sentences: Texts.
        sentence_vectors: What it says of them.
        dimensions: Length of the vectors, at most the teacher's.
    """
    basis = _principal_directions(word_vectors, sentence_vectors, dimensions)
    start = _unit((word_vectors - word_vectors.mean(axis=0)) @ basis)
    wanted = _unit((sentence_vectors - sentence_vectors.mean(axis=0)) @ basis)
    keys = word_keys(list(words))
    weights = (_USUAL_SHARE / (_USUAL_SHARE + np.array(list(words.values())))).astype(np.float32)
    keys, firsts = np.unique(keys, return_index=True)
    start, weights = start[firsts], weights[firsts]
    sums = _sums(sentences, keys, weights)
    reached = sums @ start
    start *= (reached * wanted).sum() / (reached * reached).sum()
    vectors = start + _correction(sums, wanted - sums @ start)
    lengths = np.sqrt((vectors**2).sum(axis=1))
    return Words(keys, vectors, weights * lengths / np.median(lengths))


def word_keys(words: Sequence[str]) -> Keys:
    """Key of the first word of each text."""
    pieces = find_pieces(words)
    return pieces.words[np.minimum(pieces.pointers[:-1], len(pieces.words) - 1)]


def _unit(vectors: Vectors) -> Vectors:
    lengths = np.sqrt((vectors**2).sum(axis=-1, keepdims=True))
    unit: Vectors = (vectors / np.maximum(lengths, 1e-9)).astype(np.float32)
    return unit


def _principal_directions(words: Vectors, sentences: Vectors, dimensions: int) -> Vectors:
    spread = sum(
        (centred.T @ centred / len(centred)).astype(np.float64)
        for centred in (words - words.mean(axis=0), sentences - sentences.mean(axis=0))
    )
    _, directions = np.linalg.eigh(spread)
    return directions[:, ::-1][:, :dimensions].astype(np.float32)


def _sums(texts: Sequence[str], keys: Keys, weights: Vectors) -> Any:
    """The sparse matrix that turns word vectors into unscaled vectors of texts."""
    from scipy.sparse import csr_array

    pieces = find_pieces(texts)
    places = np.minimum(np.searchsorted(keys, pieces.words), len(keys) - 1)
    data = np.where(keys[places] == pieces.words, weights[places], 0).astype(np.float32)
    matrix = csr_array((data, places, pieces.pointers), shape=(len(texts), len(keys)))
    squares = np.asarray(matrix.multiply(matrix).sum(axis=1)).ravel()
    scale = 1 / np.sqrt(np.maximum(squares, 1e-9))
    matrix.data *= np.repeat(scale, np.diff(matrix.indptr)).astype(np.float32)
    return matrix


def _correction(sums: Any, missing: Vectors) -> Vectors:
    """Ridge regression of what is missing on the words, by conjugate gradients."""
    found = np.zeros((sums.shape[1], missing.shape[1]), np.float32)
    residual = sums.T @ missing
    step = residual.copy()
    square = (residual**2).sum(axis=0)
    for _ in range(_FIT_ROUNDS):
        image = sums.T @ (sums @ step) + np.float32(_FIT_PENALTY) * step
        size = square / np.maximum((step * image).sum(axis=0), 1e-12)
        found += size * step
        residual -= size * image
        following = (residual**2).sum(axis=0)
        step = residual + following / np.maximum(square, 1e-12) * step
        square = following
    return found


def concept_vectors(
    concepts: Sequence[Mapping[str, Sequence[str]]], english: StaticEmbedder
) -> dict[int, Vectors]:
    """Key of each foreign word and beginning of a word -> vector of its English translation."""
    found: dict[int, list[Vectors]] = {}
    for concept in concepts:
        meaning = english.embed([" ".join(concept["en"])])[0]
        for language, listed in concept.items():
            if language == "en":
                continue
            for key in _concept_keys(listed):
                found.setdefault(key, []).append(meaning)
    return {key: _unit(np.mean(meanings, axis=0)) for key, meanings in sorted(found.items())}


def _concept_keys(listed: Sequence[str]) -> list[int]:
    """Keys of the words, of their beginnings, and of pairs of characters."""
    pieces = find_pieces(listed)
    lengths = pieces.ends - pieces.starts
    is_word = lengths > 2  # noqa: PLR2004 - shorter ones are particles, and single characters
    stems = pieces.stems(np.ones(len(lengths), bool), whole=True)
    hangul = pieces.words[(lengths == 2) & (pieces.points.values[pieces.starts] >= 0xAC00)]  # noqa: PLR2004
    parts = (pieces.words[is_word], stems[stems >= 0], hangul, pieces.neighbours)
    return [int(key) for key in np.concatenate(parts)]


def stop_weights(texts: Mapping[str, Sequence[str]]) -> dict[int, float]:
    """Key -> weight of words that are common in some language, 0 for stop words."""
    weights: dict[int, float] = {}
    for listed in texts.values():
        pieces = find_pieces(listed)
        for keys in (pieces.words, pieces.neighbours):
            counted, counts = np.unique(keys, return_counts=True)
            shares = counts / max(len(keys), 1)
            common = counts >= _MIN_FOREIGN_COUNT
            for key, share in zip(counted[common].tolist(), shares[common].tolist(), strict=True):
                weight = 0.0 if share > _STOP_SHARE else _FOREIGN_SHARE / (_FOREIGN_SHARE + share)
                weights[key] = min(weight, weights.get(key, 1.0))
    listed_words = json.loads(STOP_WORDS.read_text(encoding="utf-8"))
    silent = [word for words in listed_words.values() for word in words] + ["!", "?", "0"]
    weights |= dict.fromkeys((int(key) for key in find_pieces(silent).words), 0.0)
    return weights


def assemble(
    english: Words, foreign: Mapping[int, Vectors], weights: Mapping[int, float]
) -> StaticEmbedder:
    """Put everything into one table; what English says of a word comes before other languages."""
    vectors = dict(foreign) | dict(zip(english.keys.tolist(), english.vectors, strict=True))
    strength = dict(zip(english.keys.tolist(), english.weights.tolist(), strict=True))
    keys = np.array(sorted(set(vectors) | set(weights)), np.int32)
    known = [key for key in keys.tolist() if key in vectors and weights.get(key) != 0]
    rows = {key: number for number, key in enumerate(known)}
    table = np.stack([vectors[key] for key in known]) if known else np.zeros((0, _DIMENSIONS))
    table = _unit(table.astype(np.float32))
    scale = (np.abs(table).max(axis=0) / 127).astype(np.float32)
    counted = [
        0.0 if weights.get(key) == 0 else strength.get(key, weights.get(key, 1.0))
        for key in keys.tolist()
    ]
    return StaticEmbedder(
        keys=keys,
        weights=np.array(counted, np.float32),
        rows=np.array([rows.get(key, -1) for key in keys.tolist()], np.int32),
        vectors=np.rint(table / np.maximum(scale, 1e-9)).astype(np.int8),
        scale=scale,
    )


def train_embedder(folder: Path, teacher: Teacher) -> StaticEmbedder:
    """Train everything.

    Args:
        folder: Holds the data sets, each in its folder.
        teacher: The sentence transformer.
    """
    texts = english_texts(folder)
    opinions = read_opinion_words(folder)["text"]
    words = english_words(texts, teacher.words, opinions)
    sentences = sample_sentences(texts)
    english = distil(words, teacher.embed(list(words)), sentences, teacher.embed(sentences))
    return combine(english, foreign_texts(folder))


def combine(english: Words, texts: Mapping[str, Sequence[str]]) -> StaticEmbedder:
    """Add what is known of other languages.

    Args:
        english: What ``distil`` returned.
        texts: Language -> texts.
    """
    weights = stop_weights(texts)
    first = assemble(english, {}, weights)
    meanings = concept_vectors(read_concepts(), first)
    foreign = dict(meanings)
    for language in ("ko", "id"):
        if language in texts:
            foreign = neighbour_vectors(texts[language], meanings, first.dimensions) | foreign
    directions = StaticEmbedder.own_directions(np.array(list(foreign), np.int32), first.dimensions)
    mixed = {
        key: _unit(vector + np.float32(_OWN_SHARE) * own)
        for (key, vector), own in zip(foreign.items(), directions, strict=True)
    }
    return assemble(english, mixed, weights)


def main(arguments: Sequence[str] | None = None) -> None:
    """Train from a folder of data and a folder of the teacher, and write the file."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("data", type=Path, help="folder of the public data sets")
    parser.add_argument("teacher", type=Path, help="folder of all-MiniLM-L6-v2")
    parser.add_argument("--out", type=Path, default=SHIPPED_EMBEDDINGS, help="file to write")
    options = parser.parse_args(arguments)
    train_embedder(options.data, Teacher.load(options.teacher)).save(options.out)


if __name__ == "__main__":
    main()

"""Joining what plug-ins say with what the engine says."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from resources.nlp.entities import EntityLabels
from resources.nlp.matching import search_forms
from resources.nlp.plugins.contract import Entity
from resources.nlp.plugins.labels import POLARITIES
from resources.nlp.topics import TopicLabels

_LIKELY_TOPIC = 0.8
# The engine finds mixed reviews by their clauses, which no plug-in looks at: it is believed unless
# the plug-in leans this far to one side.
_LEANING = 0.5
_MIXED = "mixed"


@dataclass(frozen=True)
class PluginSentiments:
    """What a sentiment plug-in makes of many reviews; None, NaN and 0 for those without words.

    Attributes:
        labels: negative, neutral, mixed, positive, or None.
        scores: P(positive) - P(negative), -1..1.
        confidences: Probability of the likeliest polarity.
        margins: That probability minus the second best.
    """

    labels: list[str | None]
    scores: npt.NDArray[np.float64]
    confidences: npt.NDArray[np.float64]
    margins: npt.NDArray[np.float64]


def apply_sentiment(
    labels: Sequence[str | None], probabilities: npt.NDArray[np.float64]
) -> PluginSentiments:
    """Let a plug-in judge reviews that the engine has judged already.

    Args:
        labels: The engine's labels; None stays None, ``mixed`` stays unless the plug-in leans
            strongly.
        probabilities: Of the plug-in, ``[reviews, 3]``.
    """
    wordless = np.array([label is None for label in labels], bool)
    ordered = np.sort(probabilities, axis=1)
    scores = probabilities[:, 2] - probabilities[:, 0]
    judged = [
        None
        if label is None
        else _MIXED
        if label == _MIXED and abs(score) < _LEANING
        else POLARITIES[best]
        for label, score, best in zip(
            labels, scores.tolist(), probabilities.argmax(axis=1).tolist(), strict=True
        )
    ]
    return PluginSentiments(
        judged,
        np.where(wordless, np.nan, scores),
        np.where(wordless, 0, ordered[:, 2]),
        np.where(wordless, 0, ordered[:, 2] - ordered[:, 1]),
    )


def add_entities(labels: EntityLabels, found: Sequence[Sequence[Entity]]) -> EntityLabels:
    """Put a plug-in's entities behind the tenant's own names.

    The tenant's names win: what shares a word with a name found in the same review, or is one of
    its spellings, is left out; so is what was found before.

    Args:
        labels: Names from the gazetteer.
        found: Entities of each review.
    """
    spellings = [entity.text for entities in found for entity in entities]
    forms = dict(zip(spellings, search_forms(spellings), strict=True))
    result = EntityLabels([], [], [])
    for names, kinds, taken, entities in zip(
        labels.names, labels.kinds, labels.forms, found, strict=True
    ):
        known = {form.strip() for form in taken}
        words = {word for form in known for word in form.split()}
        names_, kinds_ = list(names), list(kinds)
        for entity in entities:
            form = forms[entity.text].strip()
            if form and form not in known and not words & set(form.split()):
                known.add(form)
                names_.append(" ".join(entity.text.split()))
                kinds_.append(entity.kind)
        result.names.append(names_)
        result.kinds.append(kinds_)
        result.forms.append(list(taken))
    return result


def add_topics(
    labels: TopicLabels,
    names: Sequence[str],
    scores: npt.NDArray[np.float64],
    *,
    least: float = _LIKELY_TOPIC,
) -> TopicLabels:
    """Add the topics that a zero-shot plug-in finds likely, with its probability as the reason.

    Args:
        labels: Topics found so far.
        names: The topics' names, in the order in which they are reported.
        scores: Probability of each, ``[reviews, names]``.
        least: Probability from which a topic is added.
    """
    result = TopicLabels([], [])
    for topics, reasons, row in zip(labels.topics, labels.reasons, scores.tolist(), strict=True):
        why = dict(zip(topics, reasons, strict=True))
        for name, score in zip(names, row, strict=True):
            if score >= least and name not in why:
                why[name] = f"plug-in: {score:.0%} likely"
        ordered = sorted(why, key=lambda name: names.index(name) if name in names else -1)
        result.topics.append(ordered)
        result.reasons.append([why[name] for name in ordered])
    return result

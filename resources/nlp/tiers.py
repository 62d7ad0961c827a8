"""How thoroughly sentiment is judged, and which reviews the transformer reads in each tier."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
import numpy.typing as npt

from resources.nlp.deep import DeepModel, MissingDeepModelError
from resources.nlp.linear import Matrix


class Tier(StrEnum):
    """How thoroughly, and so how slowly, sentiment is judged."""

    FAST = "fast"
    """Hashed words alone."""
    CASCADE = "cascade"
    """Hashed words; where they are unsure, the transformer as well."""
    DEEP = "deep"
    """Hashed words and the transformer, for every review in a language that it knows."""


@dataclass(frozen=True)
class DeepReader:
    """The transformer at work in a tier.

    Attributes:
        model: The transformer.
        tier: Cascade or deep.
    """

    model: DeepModel
    tier: Tier

    @classmethod
    def of(cls, model: DeepModel | None, tier: Tier) -> DeepReader | None:
        """The reader that a tier needs; None for the fast one.

        Raises:
            MissingDeepModelError: The tier needs a transformer and there is none.
        """
        if tier is Tier.FAST:
            return None
        if model is None:
            raise MissingDeepModelError(
                f"The tier {tier} needs a transformer and none was given. Load one with "
                "DeepModel.load(folder), or use the tier fast."
            )
        return cls(model, tier)

    def wanted(self, languages: Sequence[str], chances: Matrix) -> npt.NDArray[np.bool_]:
        """Which reviews the transformer reads.

        Args:
            languages: Code of each review.
            chances: What the fast model says of them, ``[reviews, 3]``.
        """
        known = np.array([language in self.model.languages for language in languages], bool)
        return known if self.tier is Tier.DEEP else known & self.model.mixture.is_unsure(chances)

    def probabilities(self, texts: Sequence[str], fast: Matrix) -> Matrix:
        """Calibrated probabilities of reviews.

        Args:
            texts: The reviews.
            fast: Logits of the fast model, ``[texts, 3]``.
        """
        return self.model.mixture.probabilities(fast, self.model.logits(texts))


def margins_of(chances: Matrix) -> npt.NDArray[np.float64]:
    """Probability of the best class minus that of the second best, row by row."""
    ranked = np.sort(chances, axis=1)
    return (ranked[:, -1] - ranked[:, -2]).astype(np.float64)

"""Running the transformer: one ONNX file, a tokenizer, and how to mix its answer with the fast one.

Texts are read one at a time, without padding: the graph turns activations into 8-bit integers by
scales of the whole tensor, so that a neighbour in a batch would change a text's answer.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from resources.errors import ReviewGraphError
from resources.nlp.clauses import LENGTH_LIMIT
from resources.nlp.linear import Matrix, softmax

NETWORK_FILE = "deep_en.onnx"
TOKENIZER_FILE = "deep_en.tokenizer.json"
MIXTURE_FILE = "deep_en.json"

_DIGITS = 6  # beyond them, sums may depend on the machine
_CLASSES = 3


class MissingDeepModelError(ReviewGraphError):
    """The transformer, or a package that runs it, is not there."""


def clearness_of(chances: Matrix) -> Matrix:
    """How clearly a review is on one side: ``|P(+) - P(-)| / (P(+) + P(-))``, 0..1.

    It tells reviews that are judged wrongly better than the lead of the best of three classes does.
    """
    negative, positive = chances[:, 0], chances[:, 2]
    clearness: Matrix = np.abs(positive - negative) / np.maximum(positive + negative, 1e-12)
    return clearness


@dataclass(frozen=True)
class Mixture:
    """How the transformer's logits and those of the fast model become one answer.

    What is neutral, the transformer alone decides: the fast model hardly knows it. On which side a
    review is, both do.

    Attributes:
        languages: Codes of the languages that the transformer knows.
        first_tokens: Tokens read at the beginning of a text,
        last_tokens: and at its end, where it is longer than both.
        deep_weight: Of the transformer's logits.
        fast_weight: Of the difference between the fast model's logits of positive and negative.
        neutral: Added to the logit of neutral.
        threshold: In a cascade, the transformer reads what the fast model answers with a smaller
            clearness than this.
    """

    languages: tuple[str, ...] = ("en",)
    first_tokens: int = 128
    last_tokens: int = 64
    deep_weight: float = 1.0
    fast_weight: float = 0.5
    neutral: float = 0.0
    threshold: float = 0.5

    def probabilities(self, fast: Matrix, deep: Matrix) -> Matrix:
        """Calibrated probabilities from the logits of both models, all ``[rows, classes]``."""
        mixed = np.float32(self.deep_weight) * deep
        lean = np.float32(self.fast_weight / 2) * (fast[:, 2] - fast[:, 0])
        mixed[:, 0] -= lean
        mixed[:, 1] += np.float32(self.neutral)
        mixed[:, 2] += lean
        return softmax(mixed)

    def is_unsure(self, fast: Matrix) -> npt.NDArray[np.bool_]:
        """Which rows of a cascade the transformer should read.

        Args:
            fast: Probabilities of the fast model, ``[rows, 3]``.
        """
        unsure: npt.NDArray[np.bool_] = np.round(clearness_of(fast), _DIGITS) < self.threshold
        return unsure

    def save(self, folder: Path) -> None:
        """Write it beside the network."""
        content = {
            name: round(value, _DIGITS) if isinstance(value, float) else value
            for name, value in asdict(self).items()
        }
        text = json.dumps(content, indent=1, sort_keys=True) + "\n"
        (folder / MIXTURE_FILE).write_text(text, encoding="utf-8")

    @classmethod
    def load(cls, folder: Path) -> Mixture:
        """Read what ``save`` wrote."""
        content = json.loads((folder / MIXTURE_FILE).read_text(encoding="utf-8"))
        return cls(**content | {"languages": tuple(content["languages"])})


@dataclass(frozen=True)
class DeepModel:
    """A transformer on disk, opened when first asked; each process opens its own.

    Attributes:
        folder: Holds the network, its tokenizer and the mixture.
        mixture: How to mix its answers with those of the fast model.
        version: Short hash of the three files.
    """

    folder: Path
    mixture: Mixture
    version: str

    @classmethod
    def load(cls, folder: Path) -> DeepModel:
        """Find a transformer in a folder of models.

        Raises:
            MissingDeepModelError: A file is missing.
        """
        digest = hashlib.sha256()
        for name in (NETWORK_FILE, TOKENIZER_FILE, MIXTURE_FILE):
            path = folder / name
            if not path.is_file():
                raise MissingDeepModelError(
                    f"The cascade and deep tiers need {name} in {folder}, which is not there. Use "
                    "the tier fast, or train the transformer: "
                    "python -m resources.training.deep --help."
                )
            digest.update(path.read_bytes())
        return cls(folder, Mixture.load(folder), digest.hexdigest()[:10])

    @property
    def languages(self) -> frozenset[str]:
        """Codes of the languages it knows."""
        return frozenset(self.mixture.languages)

    def logits(self, texts: Sequence[str]) -> Matrix:
        """What the transformer says of texts, negative, neutral and positive, ``[texts, 3]``.

        A text's answer does not depend on the others, and any string has one.

        Raises:
            MissingDeepModelError: onnxruntime or tokenizers is not installed.
        """
        result = np.zeros((len(texts), _CLASSES), np.float32)
        for row, text in enumerate(texts):
            (answer,) = self._session.run(None, {"ids": np.array([self.tokens(text)], np.int64)})
            result[row] = answer[0]
        return np.round(result, _DIGITS)

    def tokens(self, text: str) -> list[int]:
        """Numbers of the tokens of a text that are read: its beginning and its end."""
        readable = text[:LENGTH_LIMIT].encode("utf-8", "replace").decode("utf-8")
        numbers: list[int] = self._tokenizer.encode(readable).ids
        first, last = self.mixture.first_tokens, self.mixture.last_tokens
        if len(numbers) <= first + last:
            return numbers
        return numbers[:first] + numbers[len(numbers) - last :]

    @cached_property
    def _session(self) -> Any:
        try:
            import onnxruntime
        except ImportError as error:
            raise _missing_package("onnxruntime") from error
        options = onnxruntime.SessionOptions()
        # One thread: work is spread over processes, and sums keep their order.
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.use_deterministic_compute = True
        options.log_severity_level = 3
        path = str(self.folder / NETWORK_FILE)
        return onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])

    @cached_property
    def _tokenizer(self) -> Any:
        try:
            from tokenizers import Tokenizer
        except ImportError as error:
            raise _missing_package("tokenizers") from error
        return Tokenizer.from_file(str(self.folder / TOKENIZER_FILE))


def _missing_package(name: str) -> MissingDeepModelError:
    return MissingDeepModelError(
        f"The cascade and deep tiers need the Python package {name}, which is not installed. "
        f"Install it with: pip install {name}. The tier fast works without."
    )

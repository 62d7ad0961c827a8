"""A sentence transformer, as the teacher of the static text vectors; on one thread."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

_BATCH = 128
_LONGEST = 64  # tokens of a clause


@dataclass(frozen=True)
class Teacher:
    """A transformer whose token vectors are averaged.

    Attributes:
        tokeniser: Cuts texts into tokens.
        model: Gives each token its vector.
    """

    tokeniser: Any
    model: Any

    @classmethod
    def load(cls, folder: Path) -> Teacher:
        """Read a model from a folder of its own, without the network."""
        from transformers import AutoModel, AutoTokenizer

        tokeniser = AutoTokenizer.from_pretrained(folder, local_files_only=True)
        return cls(tokeniser, AutoModel.from_pretrained(folder, local_files_only=True).eval())

    @property
    def words(self) -> list[str]:
        """Its vocabulary, with parts of words."""
        return sorted(self.tokeniser.get_vocab())

    def embed(self, texts: Sequence[str]) -> npt.NDArray[np.float32]:
        """Unit vectors, ``[texts, dimensions]``."""
        import torch

        torch.set_num_threads(1)
        order = sorted(range(len(texts)), key=lambda number: len(texts[number]))
        vectors = np.zeros((len(texts), self.model.config.hidden_size), np.float32)
        with torch.inference_mode():
            for first in range(0, len(order), _BATCH):
                chosen = order[first : first + _BATCH]
                vectors[chosen] = self._embed_batch([texts[number] for number in chosen])
        return vectors

    def _embed_batch(self, texts: list[str]) -> npt.NDArray[np.float32]:
        import torch

        tokens = self.tokeniser(
            texts, padding=True, truncation=True, max_length=_LONGEST, return_tensors="pt"
        )
        states = self.model(**tokens).last_hidden_state
        mask = tokens["attention_mask"][..., None]
        means = (states * mask).sum(dim=1) / mask.sum(dim=1)
        unit: npt.NDArray[np.float32] = torch.nn.functional.normalize(means, dim=1).numpy()
        return unit

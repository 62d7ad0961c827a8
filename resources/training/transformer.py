"""Fine-tuning of a small BERT encoder with one linear head on the mean of its last layer.

One thread, one seed and a fixed order of the examples: on one machine the same training gives the
same weights. The libraries needed (torch, transformers) belong to the training extra.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

_WARM_UP = 0.06  # share of the steps
_GRADIENT_LIMIT = 1.0
_SHUFFLED_BATCHES = 24  # texts of that many batches are sorted by length, then cut


@dataclass(frozen=True)
class FineTuning:
    """How to fine-tune.

    Attributes:
        passes: Times every example is seen.
        tokens: Tokens of a batch, padding included.
        length: Tokens of a text that are read.
        rate: Highest learning rate; it rises and falls linearly.
        smoothing: Share of each label that is spread over all classes.
        frozen_words: Keep the word embeddings as they are.
        frozen_layers: Lowest layers that keep their weights.
        half: Multiply in bfloat16: twice as fast where the processor knows it.
        seed: Order of the examples and dropout.
    """

    passes: int = 1
    tokens: int = 1_536
    length: int = 96
    rate: float = 8e-5
    smoothing: float = 0.05
    frozen_words: bool = True
    frozen_layers: int = 1
    half: bool = True
    seed: int = 7


@dataclass(frozen=True)
class Network:
    """An encoder and the head on it, both torch modules."""

    encoder: Any
    head: Any

    def logits(self, ids: Any, mask: Any) -> Any:
        """Logits ``[rows, classes]`` of padded token ids and their mask ``[rows, tokens]``."""
        hidden = self.encoder(input_ids=ids, attention_mask=mask).last_hidden_state
        weight = mask.unsqueeze(-1).to(hidden.dtype)
        return self.head((hidden * weight).sum(1) / weight.sum(1))

    def parameters(self) -> list[Any]:
        """All weights, the encoder's first."""
        return [*self.encoder.parameters(), *self.head.parameters()]


def load_network(folder: Path, classes: int, seed: int) -> Network:
    """Read an encoder in the format of the transformers library and put a fresh head on it."""
    import torch
    from transformers import AutoModel

    torch.manual_seed(seed)
    encoder = AutoModel.from_pretrained(folder, local_files_only=True, add_pooling_layer=False)
    return Network(encoder, torch.nn.Linear(encoder.config.hidden_size, classes))


def fine_tune(
    network: Network,
    tokens: Sequence[Sequence[int]],
    targets: npt.NDArray[np.float32],
    plan: FineTuning,
    report: Callable[[int, int, float], None] = lambda *_: None,
) -> None:
    """Train a network in place.

    Args:
        network: From ``load_network``.
        tokens: Token ids of each text, special tokens included.
        targets: Probability of each class, ``[texts, classes]``.
        plan: How.
        report: Called after each step with its number, the number of steps and the loss.
    """
    import torch

    torch.set_num_threads(1)
    torch.manual_seed(plan.seed)
    _freeze(network, plan)
    batches = [
        batch
        for number in range(plan.passes)
        for batch in _batches(tokens, plan, plan.seed + number)
    ]
    weights = [weight for weight in network.parameters() if weight.requires_grad]
    optimiser = torch.optim.AdamW(weights, lr=plan.rate, weight_decay=0.01, fused=True)
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimiser, lambda step: _rate_share(step, len(batches))
    )
    loss_of = torch.nn.CrossEntropyLoss(label_smoothing=plan.smoothing)
    network.encoder.train()
    for number, batch in enumerate(batches, 1):
        ids, mask = _padded([tokens[row][: plan.length] for row in batch])
        with torch.autocast("cpu", torch.bfloat16, enabled=plan.half):
            logits = network.logits(ids, mask)
        loss = loss_of(logits.float(), torch.from_numpy(targets[batch]))
        optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(weights, _GRADIENT_LIMIT)
        optimiser.step()
        schedule.step()
        report(number, len(batches), loss.item())
    network.encoder.eval()


def predict(network: Network, tokens: Sequence[Sequence[int]]) -> npt.NDArray[np.float32]:
    """Logits of texts in full precision, ``[texts, classes]``."""
    import torch

    network.encoder.eval()
    rows = []
    with torch.no_grad():
        for ids in tokens:
            one = torch.tensor([list(ids)])
            rows.append(network.logits(one, torch.ones_like(one))[0].numpy())
    return np.stack(rows)


def _freeze(network: Network, plan: FineTuning) -> None:
    network.encoder.embeddings.requires_grad_(not plan.frozen_words)
    for number, layer in enumerate(network.encoder.encoder.layer):
        layer.requires_grad_(number >= plan.frozen_layers)


def _rate_share(step: int, steps: int) -> float:
    warm = max(1, math.ceil(_WARM_UP * steps))
    return (step + 1) / warm if step < warm else max(0.0, (steps - step) / max(1, steps - warm))


def _batches(tokens: Sequence[Sequence[int]], plan: FineTuning, seed: int) -> list[list[int]]:
    """Rows in random order, neighbours in a batch of much the same length."""
    dice = random.Random(seed)  # noqa: S311 - no secret
    order = list(range(len(tokens)))
    dice.shuffle(order)
    lengths = [min(len(ids), plan.length) for ids in tokens]
    mean = max(1, sum(lengths) // max(1, len(lengths)))
    chunk = max(1, plan.tokens * _SHUFFLED_BATCHES // mean)
    batches: list[list[int]] = []
    for first in range(0, len(order), chunk):
        batch: list[int] = []
        for row in sorted(order[first : first + chunk], key=lambda row: (lengths[row], row)):
            if batch and lengths[row] * (len(batch) + 1) > plan.tokens:
                batches.append(batch)
                batch = []
            batch.append(row)
        batches.append(batch)
    dice.shuffle(batches)
    return batches


def _padded(rows: Sequence[Sequence[int]]) -> tuple[Any, Any]:
    import torch

    width = max(len(ids) for ids in rows)
    ids = torch.tensor([[*one, *[0] * (width - len(one))] for one in rows])
    lengths = torch.tensor([[len(one)] for one in rows])
    return ids, (torch.arange(width)[None, :] < lengths).long()

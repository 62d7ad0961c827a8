"""Writing a fine-tuned BERT encoder and its head as one small ONNX graph of small integer weights.

The graph reads one text at a time: nothing is padded, so that no mask is needed, and the scales by
which activations become 8-bit integers are those of this text alone. A neighbour in a batch can
therefore never change an answer.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from resources.training.transformer import Network

_OPSET, _IR_VERSION = 17, 9
_MICROSOFT = "com.microsoft"
_FLOAT = 1  # onnx.TensorProto.FLOAT
# Seven bits: with eight, processors without VNNI overflow their 16-bit sums. It costs nothing.
_LARGEST = 63
_Array = npt.NDArray[Any]


def keep_common_tokens(tokenizer: Mapping[str, Any], most: int) -> tuple[dict[str, Any], list[int]]:
    """Shrink a WordPiece vocabulary, whose numbers rise as words get rarer.

    Args:
        tokenizer: Content of a tokenizer.json with a WordPiece model.
        most: Tokens to keep; unused slots and tokens of other scripts than Latin go first.

    Returns:
        The smaller tokenizer and the former number of each of its tokens. Words that lost their
        token are spelt with shorter pieces.
    """
    vocabulary: dict[str, int] = tokenizer["model"]["vocab"]
    special = {token["content"] for token in tokenizer["added_tokens"]}
    useful = [
        (number, token)
        for token, number in vocabulary.items()
        if token in special or (token.isascii() and not token.startswith("[unused"))
    ]
    kept = sorted(useful)[:most]
    numbers = {token: place for place, (_, token) in enumerate(kept)}
    smaller: dict[str, Any] = json.loads(json.dumps(tokenizer))
    smaller["model"]["vocab"] = numbers
    for token in smaller["added_tokens"]:
        token["id"] = numbers[token["content"]]
    for name, token in (smaller["post_processor"] or {}).get("special_tokens", {}).items():
        token["ids"] = [numbers[name]]
    smaller["padding"] = smaller["truncation"] = None
    return smaller, [number for number, _ in kept]


def export_network(network: Network, kept: Sequence[int], positions: int, path: Path) -> None:
    """Write a network as ONNX: ``ids`` ``[1, tokens]`` in, ``logits`` ``[1, classes]`` out.

    Args:
        network: A trained BERT encoder and its head.
        kept: Rows of the word embeddings to keep.
        positions: Longest text in tokens.
        path: The file to write; the same network gives the same bytes.
    """
    import onnx

    graph = _Graph()
    hidden = _embed(graph, network.encoder.embeddings, kept, positions)
    heads = network.encoder.config.num_attention_heads
    for number, layer in enumerate(network.encoder.encoder.layer):
        hidden = _encode(graph, layer, heads, f"layer{number}", hidden)
    pooled = graph.add("ReduceMean", [hidden], axes=[1], keepdims=0)
    head = _Dense.of(network.head)
    weights = [graph.constant(head.weights), graph.constant(head.bias)]
    graph.add("Gemm", [pooled, *weights], outputs=["logits"])
    onnx.save(graph.model(head.bias.size), path)


@dataclass(frozen=True)
class _Dense:
    """Weights ``[inputs, outputs]`` and bias of a linear layer."""

    weights: _Array
    bias: _Array

    @classmethod
    def of(cls, *layers: Any) -> _Dense:
        """One or more torch layers side by side."""
        return cls(
            np.concatenate([_array(layer.weight).T for layer in layers], axis=1),
            np.concatenate([_array(layer.bias) for layer in layers]),
        )


class _Graph:
    """A graph under construction; constants and nodes are numbered in the order they come."""

    def __init__(self) -> None:
        self._nodes: list[Any] = []
        self._constants: list[Any] = []

    def constant(self, value: _Array) -> str:
        """Add a constant and return its name."""
        from onnx import numpy_helper

        name = f"constant{len(self._constants)}"
        self._constants.append(numpy_helper.from_array(np.ascontiguousarray(value), name))
        return name

    def add(
        self,
        kind: str,
        inputs: Sequence[str],
        *,
        outputs: Sequence[str] = (),
        domain: str = "",
        **options: Any,
    ) -> str:
        """Add a node and return the name of its first output."""
        from onnx import helper

        names = list(outputs) or [f"{kind.lower()}{len(self._nodes)}"]
        self._nodes.append(helper.make_node(kind, inputs, names, domain=domain, **options))
        return names[0]

    def linear(self, hidden: str, dense: _Dense) -> str:
        """Multiply by 8-bit weights with one scale for each output."""
        scales = _scales(dense.weights, axis=0)
        rounded = np.rint(dense.weights / scales).astype(np.int8)
        zeros = np.zeros(scales.size, np.int8)
        constants = (rounded, scales.ravel(), zeros, dense.bias)
        inputs = [hidden, *(self.constant(value) for value in constants)]
        return self.add("DynamicQuantizeMatMul", inputs, domain=_MICROSOFT)

    def normalise(self, hidden: str, norm: Any) -> str:
        """Apply a LayerNorm."""
        inputs = [hidden, self.constant(_array(norm.weight)), self.constant(_array(norm.bias))]
        return self.add("LayerNormalization", inputs, epsilon=norm.eps, axis=-1)

    def model(self, classes: int) -> Any:
        """The whole as an ONNX model."""
        from onnx import TensorProto, helper

        graph = helper.make_graph(
            self._nodes,
            "sentiment",
            [helper.make_tensor_value_info("ids", TensorProto.INT64, [1, "tokens"])],
            [helper.make_tensor_value_info("logits", TensorProto.FLOAT, [1, classes])],
            self._constants,
        )
        opsets = [helper.make_opsetid("", _OPSET), helper.make_opsetid(_MICROSOFT, 1)]
        return helper.make_model(graph, opset_imports=opsets, ir_version=_IR_VERSION)


def _embed(graph: _Graph, embeddings: Any, kept: Sequence[int], positions: int) -> str:
    """Words as 8-bit rows with a scale each, places in full."""
    words = _array(embeddings.word_embeddings.weight)[list(kept)]
    scales = _scales(words, axis=1)
    rounded = graph.constant(np.rint(words / scales).astype(np.int8))
    word = graph.add("Cast", [graph.add("Gather", [rounded, "ids"])], to=_FLOAT)
    word = graph.add("Mul", [word, graph.add("Gather", [graph.constant(scales), "ids"])])
    places = _array(embeddings.position_embeddings.weight)[:positions]
    places = places + _array(embeddings.token_type_embeddings.weight)[0]
    zero, one = graph.constant(np.array([0])), graph.constant(np.array([1]))
    length = graph.add("Gather", [graph.add("Shape", ["ids"]), one])
    place = graph.add("Slice", [graph.constant(places), zero, length, zero])
    return graph.normalise(graph.add("Add", [word, place]), embeddings.LayerNorm)


def _encode(graph: _Graph, layer: Any, heads: int, name: str, hidden: str) -> str:
    """One layer: attention, then two linear layers, each added to what went in."""
    attention, output = layer.attention.self, layer.attention.output
    joined = _Dense.of(attention.query, attention.key, attention.value)
    parts = [f"{name}.{part}" for part in ("query", "key", "value")]
    graph.add("Split", [graph.linear(hidden, joined)], outputs=parts, axis=-1)
    seen = graph.add("MultiHeadAttention", parts, domain=_MICROSOFT, num_heads=heads)
    seen = graph.linear(seen, _Dense.of(output.dense))
    hidden = graph.normalise(graph.add("Add", [seen, hidden]), output.LayerNorm)
    thought = graph.linear(hidden, _Dense.of(layer.intermediate.dense))
    thought = graph.add("Gelu", [thought], domain=_MICROSOFT)
    thought = graph.linear(thought, _Dense.of(layer.output.dense))
    return graph.normalise(graph.add("Add", [thought, hidden]), layer.output.LayerNorm)


def _array(tensor: Any) -> _Array:
    result: _Array = tensor.detach().float().numpy()
    return result


def _scales(weights: _Array, axis: int) -> _Array:
    """What brings the largest number along an axis to ``_LARGEST``."""
    largest: _Array = np.abs(weights).max(axis=axis, keepdims=True)
    scales: _Array = np.maximum(largest, np.float32(1e-12)) / np.float32(_LARGEST)
    return scales

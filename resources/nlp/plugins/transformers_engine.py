"""``transformers`` models on one thread of the processor, one window of tokens at a time.

A long text is read in windows that fit the model; probabilities and vectors of the windows are
averaged by their number of tokens. Windows are never padded: a text has the same answer whatever
it is read with.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from resources.nlp.plugins.contract import (
    FIGURE_DIGITS,
    Entity,
    PluginError,
    readable,
    required,
)
from resources.nlp.plugins.labels import POLARITIES, kind_of, polarity_columns
from resources.nlp.plugins.spec import PluginSpec, Task

_USUAL_TOKENS = 512
_MAX_WINDOWS = 8
_OVERLAP = 0.125  # of a window, read twice so that no name is cut
_DEFAULT_TEMPLATE = "This review is about {}."
_CLASSES = {
    Task.SENTIMENT: "AutoModelForSequenceClassification",
    Task.NER: "AutoModelForTokenClassification",
    Task.ZERO_SHOT: "AutoModelForSequenceClassification",
    Task.EMBEDDINGS: "AutoModel",
}

Figures = npt.NDArray[np.float64]


def build(
    spec: PluginSpec, folder: Path
) -> TransformersSentiment | TransformersEntities | TransformersZeroShot | TransformersEmbeddings:
    """Read a model and make it the plug-in of its task.

    Raises:
        PluginError: A package is missing, the folder holds no such model, or its labels cannot be
            understood.
    """
    reader = Reader(spec, folder)
    if spec.task == Task.SENTIMENT:
        return TransformersSentiment(reader, spec)
    if spec.task == Task.NER:
        return TransformersEntities(reader, spec)
    if spec.task == Task.ZERO_SHOT:
        return TransformersZeroShot(reader, spec)
    return TransformersEmbeddings(reader, spec)


class Reader:
    """A model, its tokenizer, and how much of a text fits.

    Attributes:
        labels: The names of the model's outputs.
        model: The loaded model.
        tokenizer: Its tokenizer.
        room: Tokens per window, those that the model adds included.
    """

    def __init__(self, spec: PluginSpec, folder: Path) -> None:
        self._torch = required("torch")
        transformers = required("transformers")
        transformers.utils.logging.disable_progress_bar()
        try:
            self.tokenizer = transformers.AutoTokenizer.from_pretrained(
                folder, local_files_only=True
            )
            self.model = getattr(transformers, _CLASSES[spec.task]).from_pretrained(
                folder, local_files_only=True, dtype=self._torch.float32
            )
        except (OSError, ValueError, KeyError) as error:
            raise PluginError(
                f"transformers cannot read the {spec.task} model in {folder}: {error}"
            ) from error
        if not self.tokenizer.is_fast:
            raise PluginError(f"The model {spec.model} has no fast tokenizer (tokenizer.json).")
        self._torch.set_num_threads(1)
        self.model.eval()
        names = self.model.config.id2label or {}
        self.labels = [str(names[number]) for number in sorted(names)]
        self.room = min(self._fitting(), int(spec.options.get("max_tokens") or _USUAL_TOKENS))
        self._reads_pairs = getattr(self.model.config, "type_vocab_size", 0) > 1

    def windows(self, text: str) -> list[Any]:
        """The encodings of a text's windows (``tokenizers.Encoding``)."""
        encoded = self.tokenizer(
            text,
            truncation=True,
            max_length=self.room,
            stride=int(self.room * _OVERLAP),
            return_overflowing_tokens=True,
        )
        return list(encoded.encodings[:_MAX_WINDOWS])

    def pair(self, text: str, sentence: str) -> Any:
        """The encoding of a text and a sentence about it; the text is cut to fit."""
        encoded = self.tokenizer(text, sentence, truncation="only_first", max_length=self.room)
        return encoded.encodings[0]

    def run(self, encoding: Any) -> Any:
        """The model's output for one window."""
        inputs = {"input_ids": encoding.ids, "attention_mask": encoding.attention_mask}
        if self._reads_pairs:
            inputs["token_type_ids"] = encoding.type_ids
        with self._torch.inference_mode():
            return self.model(
                **{name: self._torch.tensor([values]) for name, values in inputs.items()}
            )

    def _fitting(self) -> int:
        """The longest input: what the tokenizer and the table of positions allow."""
        limits: list[int] = [self.tokenizer.model_max_length]
        positions = getattr(self.model.config, "max_position_embeddings", None)
        if isinstance(positions, int) and positions > 0:
            limits.append(positions - self._first_position())
        return max(1, min(limits))

    def _first_position(self) -> int:
        """RoBERTa and its kin count positions from behind the padding token."""
        for name, module in self.model.named_modules():
            if name.endswith("position_embeddings"):
                padding = getattr(module, "padding_idx", None)
                return 0 if padding is None else int(padding) + 1
        return 0


class TransformersSentiment:
    """Text classification, its classes read as polarities."""

    def __init__(self, reader: Reader, spec: PluginSpec) -> None:
        self._reader = reader
        self._columns = polarity_columns(reader.labels, spec.options.get("labels"), spec.model)

    def judge(self, texts: Sequence[str]) -> Figures:
        """Probabilities ``[texts, 3]``, see ``SentimentPlugin``."""
        rows = np.full((len(texts), len(POLARITIES)), 1 / len(POLARITIES))
        for row, text in _spoken(texts):
            windows = self._reader.windows(text)
            chances = [
                _softmax(self._reader.run(window).logits[0].double().numpy()) for window in windows
            ]
            rows[row] = _mean(chances, windows) @ self._columns
        return rows.round(FIGURE_DIGITS)


class TransformersEntities:
    """Token classification; the words of one entity are taken together."""

    def __init__(self, reader: Reader, spec: PluginSpec) -> None:
        self._reader = reader
        self._kinds = spec.options.get("labels")

    def find(self, texts: Sequence[str]) -> list[list[Entity]]:
        """The entities of each text, see ``EntityPlugin``."""
        found: list[list[Entity]] = [[] for _ in texts]
        for row, text in _spoken(texts):
            spans: list[tuple[int, int, str]] = []
            for window in self._reader.windows(text):
                spans += self._spans(window)
            found[row] = [
                Entity(texts[row][start:end], kind, start, end)
                for start, end, label in _apart(spans)
                if (kind := kind_of(label, self._kinds))
            ]
        return found

    def _spans(self, window: Any) -> list[tuple[int, int, str]]:
        """Start, end and label (without B- and I-) of the entities of a window.

        A word is labelled by its first token; words that follow each other with one label form one
        entity unless the model says that a new one begins.
        """
        best = self._reader.run(window).logits[0].argmax(-1).tolist()
        spans: list[tuple[int, int, str]] = []
        last_word, last_label = None, ""
        for word, (start, end), number in zip(window.word_ids, window.offsets, best, strict=True):
            if word is None or start == end:
                last_word, last_label = None, ""
            elif word == last_word:
                if last_label:
                    spans[-1] = (spans[-1][0], end, last_label)
            else:
                prefix, label = _parted(self._reader.labels[number])
                continues = bool(label) and label == last_label and prefix not in {"B", "U", "S"}
                if continues:
                    spans[-1] = (spans[-1][0], end, label)
                elif label:
                    spans.append((start, end, label))
                last_word, last_label = word, label
        return spans


class TransformersZeroShot:
    """Natural language inference: does the text entail "This review is about ..."?"""

    def __init__(self, reader: Reader, spec: PluginSpec) -> None:
        names = [label.lower() for label in reader.labels]
        entailed = [number for number, name in enumerate(names) if name.startswith("entail")]
        denied = [number for number, name in enumerate(names) if name.startswith("contra")]
        denied = denied or [number for number, name in enumerate(names) if name.startswith("not")]
        if not entailed or not denied:
            raise PluginError(
                f"The labels of {spec.model} ({', '.join(reader.labels)}) name no entailment and "
                "contradiction. Zero-shot needs a model of natural language inference."
            )
        self._reader = reader
        self._columns = [denied[0], entailed[0]]
        self._template = str(spec.options.get("template", _DEFAULT_TEMPLATE))

    def label(self, texts: Sequence[str], names: Sequence[str]) -> Figures:
        """Probabilities ``[texts, names]``, see ``ZeroShotPlugin``."""
        rows = np.zeros((len(texts), len(names)))
        for row, text in _spoken(texts):
            for column, name in enumerate(names):
                pair = self._reader.pair(text, self._template.replace("{}", readable(name)))
                logits = self._reader.run(pair).logits[0].double().numpy()
                rows[row, column] = _softmax(logits[self._columns])[1]
        return rows.round(FIGURE_DIGITS)


class TransformersEmbeddings:
    """The mean of a text's token vectors, or the vector of its first token."""

    def __init__(self, reader: Reader, spec: PluginSpec) -> None:
        self._reader = reader
        self._prefix = str(spec.options.get("prefix", ""))
        self._first_only = spec.options.get("pooling") == "first"

    def embed(self, texts: Sequence[str]) -> npt.NDArray[np.float32]:
        """Unit rows ``[texts, dimensions]``, see ``EmbeddingPlugin``."""
        rows = np.zeros((len(texts), int(self._reader.model.config.hidden_size)))
        for row, text in _spoken(texts):
            windows = self._reader.windows(self._prefix + text)
            vectors = [self._vector(window) for window in windows]
            mean = _mean(vectors, windows)
            rows[row] = mean / max(float(np.linalg.norm(mean)), 1e-9)
        return rows.round(FIGURE_DIGITS).astype(np.float32)

    def _vector(self, window: Any) -> Figures:
        states = self._reader.run(window).last_hidden_state[0].double().numpy()
        vector: Figures = states[0] if self._first_only else states.mean(axis=0)
        return vector


def _spoken(texts: Sequence[str]) -> Iterator[tuple[int, str]]:
    """Number and readable part of the texts that are not blank."""
    for row, text in enumerate(texts):
        if text.strip():
            yield row, readable(text)


def _softmax(logits: Figures) -> Figures:
    powers = np.exp(logits - logits.max())
    chances: Figures = powers / powers.sum()
    return chances


def _mean(figures: list[Figures], windows: list[Any]) -> Figures:
    """The mean over windows, longer ones counting more."""
    mean: Figures = np.average(figures, axis=0, weights=[len(window.ids) for window in windows])
    return mean


def _parted(label: str) -> tuple[str, str]:
    """``B-PER`` -> ``B``, ``PER``; nothing for the label of tokens outside of entities."""
    if label == "O":
        return "", ""
    prefix, dash, kind = label.partition("-")
    return (prefix, kind) if dash and len(prefix) == 1 else ("", label)


def _apart(spans: list[tuple[int, int, str]]) -> list[tuple[int, int, str]]:
    """Spans in order without overlaps; where windows overlap, the longer reading is kept."""
    kept: list[tuple[int, int, str]] = []
    for span in sorted(spans, key=lambda span: (span[0], -span[1])):
        if not kept or span[0] >= kept[-1][1]:
            kept.append(span)
    return kept

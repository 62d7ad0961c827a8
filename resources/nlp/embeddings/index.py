"""Exact search over text vectors: what is said like this, and what is like that review."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from resources.errors import ReviewGraphError
from resources.nlp.embeddings.embedder import StaticEmbedder, Vectors

_BLOCK_ROWS = 8_192  # vectors compared at once
_SCORE_DIGITS = 6
_VERSION_FIELD = b"embeddings"


class IndexMismatchError(ReviewGraphError):
    """An index cannot answer: made with other vectors, or without such a key."""


@dataclass(frozen=True)
class Hit:
    """One text that was found.

    Attributes:
        key: Its key.
        score: Cosine of the angle to what was asked, -1 to 1.
    """

    key: str
    score: float


@dataclass(frozen=True)
class SemanticIndex:
    """Vectors of many texts, each under a key.

    Attributes:
        keys: Different from each other.
        vectors: Unit vectors, ``[keys, dimensions]``; zeros for a text without words.
        version: Of the embedder that made them.
    """

    keys: Sequence[str]
    vectors: Vectors
    version: str

    @classmethod
    def build(
        cls, keys: Sequence[str], texts: Sequence[str], embedder: StaticEmbedder
    ) -> SemanticIndex:
        """Embed texts and keep their vectors."""
        return cls(list(keys), embedder.embed(texts), embedder.version)

    def search(
        self,
        query: str | Vectors,
        embedder: StaticEmbedder,
        k: int = 10,
        *,
        among: Collection[str] | None = None,
    ) -> list[Hit]:
        """The texts most like a query, best first; of equal ones the smaller key first.

        Args:
            query: Plain words, or a vector.
            embedder: Reads the words; it must be the one that made the index.
            k: How many at most; texts that have nothing in common with the query are left out.
            among: Only these keys, for example of one product; all when None.

        Raises:
            IndexMismatchError: The embedder is another one.
        """
        if embedder.version != self.version:
            raise IndexMismatchError(
                f"The index was made with embeddings {self.version}, the query is read with "
                f"{embedder.version}. Build the index again."
            )
        vector = embedder.embed([query])[0] if isinstance(query, str) else query
        return self._nearest(vector, k, among)

    def similar(self, key: str, k: int = 10, *, among: Collection[str] | None = None) -> list[Hit]:
        """The texts most like the one of ``key``, without itself.

        Raises:
            IndexMismatchError: There is no such key.
        """
        if key not in self._places:
            raise IndexMismatchError(
                f"The index holds no text {key!r}. Build it again if the text is new."
            )
        hits = self._nearest(self.vectors[self._places[key]], k + 1, among)
        return [hit for hit in hits if hit.key != key][:k]

    @cached_property
    def _places(self) -> dict[str, int]:
        return {key: place for place, key in enumerate(self.keys)}

    def _nearest(self, vector: Vectors, k: int, among: Collection[str] | None) -> list[Hit]:
        places = self._chosen(among)
        scores = np.concatenate(
            [
                np.zeros(0, np.float32),
                *(
                    np.einsum("ij,j->i", self.vectors[places[first : first + _BLOCK_ROWS]], vector)
                    for first in range(0, len(places), _BLOCK_ROWS)
                ),
            ]
        ).round(_SCORE_DIGITS)
        count = min(k, len(scores))
        if count <= 0:
            return []
        least = np.partition(scores, -count)[-count]
        found = np.flatnonzero((scores >= least) & (scores > 0))
        hits = [Hit(self.keys[places[place]], float(scores[place])) for place in found]
        hits.sort(key=lambda hit: (-hit.score, hit.key))
        return [Hit(hit.key, round(hit.score, _SCORE_DIGITS)) for hit in hits[:count]]

    def _chosen(self, among: Collection[str] | None) -> npt.NDArray[np.int64]:
        if among is None:
            return np.arange(len(self.keys))
        places = sorted({self._places[key] for key in among if key in self._places})
        return np.array(places, np.int64)

    def to_table(self) -> pa.Table:
        """Columns key and vector, with the version in the schema's metadata."""
        vectors = pa.FixedSizeListArray.from_arrays(
            pa.array(np.ascontiguousarray(self.vectors, np.float32).ravel()),
            self.vectors.shape[1],
        )
        table = pa.table({"key": pa.array(self.keys, pa.string()), "vector": vectors})
        return table.replace_schema_metadata({_VERSION_FIELD: self.version.encode()})

    @classmethod
    def from_table(cls, table: pa.Table) -> SemanticIndex:
        """Read what ``to_table`` made.

        Raises:
            IndexMismatchError: The table holds something else.
        """
        metadata = table.schema.metadata or {}
        if _VERSION_FIELD not in metadata or {"key", "vector"} - set(table.column_names):
            raise IndexMismatchError(
                f"A table with the columns {', '.join(table.column_names)} is no index of "
                "vectors. Build the index again."
            )
        column = table.column("vector").combine_chunks()
        vectors = column.flatten().to_numpy(zero_copy_only=False)
        return cls(
            table.column("key").to_pylist(),
            vectors.reshape(table.num_rows, column.type.list_size).astype(np.float32),
            metadata[_VERSION_FIELD].decode(),
        )

    def save(self, path: Path) -> None:
        """Write the index as an Arrow file; the same index gives the same bytes."""
        table = self.to_table()
        with pa.ipc.new_file(path, table.schema) as writer:
            writer.write_table(table)

    @classmethod
    def load(cls, path: Path) -> SemanticIndex:
        """Read an index that ``save`` wrote.

        Raises:
            IndexMismatchError: There is no such file, or it holds something else.
        """
        try:
            with pa.memory_map(str(path)) as source:
                table = pa.ipc.open_file(source).read_all()
        except (OSError, pa.ArrowInvalid) as error:
            raise IndexMismatchError(f"{path} is no index of vectors. Build it again.") from error
        return cls.from_table(table)

"""What texts mean, as vectors: similarity, semantic search, and the themes of many reviews.

The vectors are static: a text is the weighted sum of the vectors of its words, which were distilled
from a transformer once. That costs some quality and makes it three hundred times as fast.
"""

from resources.nlp.embeddings.embedder import StaticEmbedder, shipped_embedder
from resources.nlp.embeddings.index import Hit, IndexMismatchError, SemanticIndex
from resources.nlp.embeddings.themes import Theme, Themes, discover_themes

__all__ = [
    "Hit",
    "IndexMismatchError",
    "SemanticIndex",
    "StaticEmbedder",
    "Theme",
    "Themes",
    "discover_themes",
    "shipped_embedder",
]

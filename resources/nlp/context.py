"""Everything that decides what an annotation says: models, word statistics, taxonomy, names."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

from resources.errors import ReviewGraphError
from resources.nlp.entities import Gazetteer, Name
from resources.nlp.keywords import Background
from resources.nlp.linear import LinearModel
from resources.nlp.topics import Taxonomy, default_taxonomy

SHIPPED_MODELS = Path(__file__).parent / "models"

LANGUAGE_FILE = "language.npz"
ENGLISH_FILE = "sentiment_en.npz"
MULTILINGUAL_FILE = "sentiment_multilingual.npz"
BACKGROUND_FILE = "background.npz"

# Raised by one whenever the code, not the data, changes what an annotator answers.
_CODE_VERSIONS = {"language": 1, "sentiment": 2, "topics": 1, "keywords": 1, "entities": 1}


class MissingModelError(ReviewGraphError):
    """A folder of models lacks a file."""


@lru_cache(maxsize=16)
def _load_model(path: Path) -> LinearModel:
    return LinearModel.load(_existing(path))


@lru_cache(maxsize=4)
def _load_background(path: Path) -> Background:
    return Background.load(_existing(path))


def _existing(path: Path) -> Path:
    if not path.is_file():
        raise MissingModelError(
            f"There is no model file {path.name} in {path.parent}. Train the models, or use the "
            "folder that ReviewGraph ships."
        )
    return path


@dataclass(frozen=True)
class Models:
    """The trained parts, read from a folder when first used and shared within a process.

    Attributes:
        folder: Holds language.npz, sentiment_en.npz, sentiment_multilingual.npz, background.npz.
    """

    folder: Path = SHIPPED_MODELS

    def require(self) -> None:
        """Check that every file is there, without reading it.

        Raises:
            MissingModelError: One is not.
        """
        for name in (LANGUAGE_FILE, ENGLISH_FILE, MULTILINGUAL_FILE, BACKGROUND_FILE):
            _existing(self.folder / name)

    @property
    def language(self) -> LinearModel:
        """Finds the language."""
        return _load_model(self.folder / LANGUAGE_FILE)

    @property
    def english(self) -> LinearModel:
        """Judges the sentiment of English."""
        return _load_model(self.folder / ENGLISH_FILE)

    @property
    def multilingual(self) -> LinearModel:
        """Judges the sentiment of every other language."""
        return _load_model(self.folder / MULTILINGUAL_FILE)

    @property
    def background(self) -> Background:
        """Word statistics."""
        return _load_background(self.folder / BACKGROUND_FILE)


@dataclass(frozen=True)
class AnnotationContext:
    """What one tenant's reviews are read with.

    Attributes:
        gazetteer: The tenant's own names.
        taxonomy: The tenant's topics.
        models: The trained parts.
    """

    gazetteer: Gazetteer = field(default_factory=Gazetteer)
    taxonomy: Taxonomy = field(default_factory=default_taxonomy)
    models: Models = field(default_factory=Models)

    def versions(self) -> dict[str, str]:
        """Annotator -> version; equal versions give equal annotations of equal texts."""
        models = self.models
        content = {
            "language": models.language.version,
            "sentiment": f"{models.english.version}+{models.multilingual.version}",
            "topics": self.taxonomy.version,
            "keywords": models.background.version,
            "entities": self.gazetteer.version,
        }
        return {name: f"{_CODE_VERSIONS[name]}.{version}" for name, version in content.items()}

    def to_json(self) -> str:
        """The context as text, for another process on this machine."""
        return json.dumps(
            {
                "names": [name.to_dict() for name in self.gazetteer.names],
                "taxonomy": self.taxonomy.to_dict(),
                "models": str(self.models.folder),
            }
        )

    @classmethod
    def from_json(cls, text: str) -> AnnotationContext:
        """Read what ``to_json`` wrote."""
        document: dict[str, Any] = json.loads(text)
        return cls(
            Gazetteer(tuple(Name.from_dict(name) for name in document["names"])),
            Taxonomy.from_dict(document["taxonomy"]),
            Models(Path(document["models"])),
        )


def default_context(names: Iterable[Name | Mapping[str, Any]] = ()) -> AnnotationContext:
    """The shipped models and taxonomy with a tenant's names.

    Args:
        names: ``Name`` objects, or mappings ``{"name", "kind", "aliases"}`` as tenants store them.
    """
    gazetteer = Gazetteer(
        tuple(name if isinstance(name, Name) else Name.from_dict(name) for name in names)
    )
    return AnnotationContext(gazetteer)

"""Everything that decides what an annotation says: models, word statistics, taxonomy, names."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any, TypeVar
from zipfile import BadZipFile

from resources.errors import ReviewGraphError
from resources.nlp import integrity, privacy
from resources.nlp.aspects import AspectLexicon, default_lexicon, model_version
from resources.nlp.deep import DeepModel
from resources.nlp.deep.model import NETWORK_FILE
from resources.nlp.embeddings import StaticEmbedder
from resources.nlp.embeddings.embedder import EMBEDDINGS_FILE, shipped_embedder
from resources.nlp.entities import Gazetteer, Name
from resources.nlp.keywords import Background
from resources.nlp.linear import LinearModel
from resources.nlp.plugins import PluginSpec, Task, version_of
from resources.nlp.segmenting import segmenter_version
from resources.nlp.tiers import Tier
from resources.nlp.topics import LearnedTopics, Taxonomy, default_taxonomy

SHIPPED_MODELS = Path(__file__).parent / "models"

LANGUAGE_FILE = "language.npz"
ENGLISH_FILE = "sentiment_en.npz"
MULTILINGUAL_FILE = "sentiment_multilingual.npz"
BACKGROUND_FILE = "background.npz"
TOPICS_FILE = "topics.npz"  # only among a tenant's own models

# Raised by one whenever the code, not the data, changes what an annotator answers.
_CODE_VERSIONS = {
    "language": 1,
    "sentiment": 3,
    "topics": 3,
    "keywords": 2,
    "entities": 3,
    "aspects": 1,
}


_Loaded = TypeVar("_Loaded")


class MissingModelError(ReviewGraphError):
    """A folder of models lacks a file, or holds one that cannot be read."""


@lru_cache(maxsize=16)
def _load_model(path: Path) -> LinearModel:
    return _readable(path, LinearModel.load)


@lru_cache(maxsize=4)
def _load_deep(folder: Path) -> DeepModel:
    return DeepModel.load(folder)


@lru_cache(maxsize=16)
def _load_learned_topics(path: Path) -> LearnedTopics:
    return _readable(path, LearnedTopics.load)


@lru_cache(maxsize=4)
def _load_background(path: Path) -> Background:
    return _readable(path, Background.load)


def _readable(path: Path, load: Callable[[Path], _Loaded]) -> _Loaded:
    try:
        return load(_existing(path))
    except (OSError, EOFError, ValueError, KeyError, IndexError, BadZipFile) as error:
        raise MissingModelError(
            f"The model file {path} is damaged or is another kind of file ({error}). Copy it anew "
            "from the ReviewGraph you installed, or train it again."
        ) from error


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
    def deep(self) -> DeepModel:
        """The transformer of the cascade and deep tiers: the folder's own, else the shipped one.

        Raises:
            MissingDeepModelError: There is neither.
        """
        has_own = (self.folder / NETWORK_FILE).is_file()
        return _load_deep(self.folder if has_own else SHIPPED_MODELS)

    @property
    def background(self) -> Background:
        """Word statistics."""
        return _load_background(self.folder / BACKGROUND_FILE)

    @property
    def learned_topics(self) -> LearnedTopics | None:
        """What was learnt from topics that people corrected, where anything was."""
        path = self.folder / TOPICS_FILE
        return _load_learned_topics(path) if path.is_file() else None

    @property
    def embedder(self) -> StaticEmbedder:
        """Turns texts into vectors."""
        return shipped_embedder(_existing(self.folder / EMBEDDINGS_FILE))


@dataclass(frozen=True)
class AnnotationContext:
    """What one tenant's reviews are read with.

    Attributes:
        gazetteer: The tenant's own names.
        taxonomy: The tenant's topics.
        models: The trained parts.
        aspects: The terms that the tenant's customers judge.
        tier: How thoroughly sentiment is judged.
        plugins: Models of the tenant's own, at most one for each task.
    """

    gazetteer: Gazetteer = field(default_factory=Gazetteer)
    taxonomy: Taxonomy = field(default_factory=default_taxonomy)
    models: Models = field(default_factory=Models)
    aspects: AspectLexicon = field(default_factory=default_lexicon)
    tier: Tier = Tier.FAST
    plugins: tuple[PluginSpec, ...] = ()

    @property
    def topic_embedder(self) -> StaticEmbedder | None:
        """Measures how like an example a review is, where a topic has examples or was learnt."""
        needed = self.taxonomy.has_examples or self.models.learned_topics is not None
        return self.models.embedder if needed else None

    @property
    def deep(self) -> DeepModel | None:
        """The transformer, where the tier needs it."""
        return None if self.tier is Tier.FAST else self.models.deep

    def plugin(self, task: Task) -> PluginSpec | None:
        """The plug-in for a task, if there is one."""
        return next((spec for spec in self.plugins if spec.task is task), None)

    def versions(self) -> dict[str, str]:
        """Annotator -> version; equal versions give equal annotations of equal texts."""
        models = self.models
        content = {
            "language": models.language.version,
            "sentiment": f"{models.english.version}+{models.multilingual.version}",
            "topics": self._topics_version(),
            "keywords": f"{models.background.version}+{segmenter_version()}",
            "entities": self.gazetteer.version,
            "aspects": f"{self.aspects.version}+{model_version()}",
        }
        own = {name: f"{_CODE_VERSIONS[name]}.{version}" for name, version in content.items()}
        deep = {} if self.deep is None else {"deep": f"{self.tier}.{self.deep.version}"}
        brought = {f"plugin_{spec.task}": version_of(spec) for spec in self.plugins}
        return own | deep | brought | {"privacy": privacy.VERSION, "integrity": integrity.VERSION}

    def _topics_version(self) -> str:
        parts = (self.taxonomy, self.models.learned_topics, self.topic_embedder)
        return "+".join(part.version for part in parts if part is not None)

    def __reduce__(self) -> tuple[Callable[[str], AnnotationContext], tuple[str]]:
        # Another process makes matchers and models anew from what they are made of.
        return AnnotationContext.from_json, (self.to_json(),)

    def to_json(self) -> str:
        """The context as text, for another process on this machine."""
        return json.dumps(
            {
                "names": [name.to_dict() for name in self.gazetteer.names],
                "taxonomy": self.taxonomy.to_dict(),
                "models": str(self.models.folder),
                "aspects": self.aspects.to_dict(),
                "tier": str(self.tier),
                "plugins": [spec.to_dict() for spec in self.plugins],
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
            AspectLexicon.from_dict(document["aspects"]),
            Tier(document["tier"]),
            tuple(PluginSpec.from_dict(spec) for spec in document["plugins"]),
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

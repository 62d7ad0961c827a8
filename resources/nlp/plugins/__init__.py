"""Models that a tenant brings along: any ``transformers`` model, any spaCy pipeline.

A plug-in is a setting (``PluginSpec``, plain JSON) and is read when first used. Nothing here
contacts a model hub unless the setting says so: models are folders, or are in the cache already.
"""

from resources.nlp.plugins.applying import add_entities, add_topics, apply_sentiment
from resources.nlp.plugins.contract import (
    EmbeddingPlugin,
    Entity,
    EntityPlugin,
    PluginError,
    SentimentPlugin,
    ZeroShotPlugin,
)
from resources.nlp.plugins.loading import (
    load_embeddings,
    load_entities,
    load_sentiment,
    load_zero_shot,
    require,
    version_of,
)
from resources.nlp.plugins.spec import Engine, PluginSpec, Task

__all__ = [
    "EmbeddingPlugin",
    "Engine",
    "Entity",
    "EntityPlugin",
    "PluginError",
    "PluginSpec",
    "SentimentPlugin",
    "Task",
    "ZeroShotPlugin",
    "add_entities",
    "add_topics",
    "apply_sentiment",
    "load_embeddings",
    "load_entities",
    "load_sentiment",
    "load_zero_shot",
    "require",
    "version_of",
]

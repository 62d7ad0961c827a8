"""What a review is about: a taxonomy that each tenant edits, and learning from its labels.

Keywords and examples find topics from the first minute; labels that people give make them better.
"""

from resources.nlp.topics.labelling import EVIDENCE_LIMIT, TopicLabels, label_topics
from resources.nlp.topics.learned import LearnedTopics, LearnedTopicsError
from resources.nlp.topics.taxonomy import (
    DEFAULT_TAXONOMY,
    InvalidTaxonomyError,
    Taxonomy,
    Topic,
    default_taxonomy,
)

__all__ = [
    "DEFAULT_TAXONOMY",
    "EVIDENCE_LIMIT",
    "InvalidTaxonomyError",
    "LearnedTopics",
    "LearnedTopicsError",
    "Taxonomy",
    "Topic",
    "TopicLabels",
    "default_taxonomy",
    "label_topics",
]

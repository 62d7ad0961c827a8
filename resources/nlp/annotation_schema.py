"""The columns that annotating writes: what every reader of annotations agrees on."""

from __future__ import annotations

import pyarrow as pa

LABELS = pa.list_(pa.string())
# Offsets count the code points of title, line break and text; of the text where there is no title.
ASPECTS = pa.list_(
    pa.struct(
        [
            ("term", pa.string()),  # as the lexicon writes it
            ("category", pa.string()),
            ("sentiment", pa.string()),  # of the clause that the term stands in
            ("score", pa.float64()),  # -1..1
            ("start", pa.int32()),
            ("end", pa.int32()),
        ]
    )
)
SPANS = pa.list_(pa.struct([("kind", pa.string()), ("start", pa.int32()), ("end", pa.int32())]))

ANNOTATION_SCHEMA = pa.schema(
    [
        ("review_key", pa.string()),
        ("version", pa.int32()),
        ("language", pa.string()),  # ISO 639-1, "und" when unsure
        ("language_confidence", pa.float64()),
        ("sentiment", pa.string()),  # negative, neutral, mixed, positive; null without text
        ("sentiment_score", pa.float64()),  # -1..1, null without text
        ("sentiment_confidence", pa.float64()),  # calibrated probability of the label
        ("sentiment_margin", pa.float64()),  # best class's probability minus the second best's
        ("tier", pa.string()),  # who judged the sentiment: fast, deep or plugin
        ("rating_disagreement", pa.float64()),  # (rating - 3) / 2 - sentiment_score, -2..2
        ("topics", LABELS),
        ("topic_reasons", LABELS),  # beside topics: the evidence for each
        ("keywords", LABELS),
        ("entities", LABELS),
        ("entity_kinds", LABELS),  # beside entities
        ("aspects", ASPECTS),
        ("pii", SPANS),  # personal data: where it stands, never what it says
        ("spam_score", pa.float64()),  # 0..1
        ("spam_reasons", LABELS),
        ("signature", pa.int64()),  # similar texts have similar bits; null without words
        ("corrected", LABELS),  # columns that hold what a person said
        ("text_hash", pa.string()),
        ("models", pa.string()),  # JSON: annotator -> version
    ]
)
"""One row per review version, in the order of the reviews that were given."""

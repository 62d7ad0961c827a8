"""Personal data in reviews: finding it and hiding it."""

from __future__ import annotations

import hashlib

from resources.nlp.privacy.finding import find_pii
from resources.nlp.privacy.patterns import WORDS_FILE
from resources.nlp.privacy.spans import PRIORITY as KINDS
from resources.nlp.privacy.spans import Span, redact

# Raised by one whenever the code changes what is found.
_CODE_VERSION = 2
VERSION = f"{_CODE_VERSION}.{hashlib.sha256(WORDS_FILE.read_bytes()).hexdigest()[:12]}"

__all__ = ["KINDS", "VERSION", "Span", "find_pii", "redact"]

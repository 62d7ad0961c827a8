"""Whether reviews can be counted: spam, and copies of the same text."""

from __future__ import annotations

import hashlib

from resources.nlp.integrity.duplicates import DuplicateGroup, near_duplicates
from resources.nlp.integrity.fingerprints import signatures
from resources.nlp.integrity.spam import PHRASES_FILE, Spam, judge_spam

# Raised by one whenever the code changes a judgement or a signature.
_CODE_VERSION = 1
VERSION = f"{_CODE_VERSION}.{hashlib.sha256(PHRASES_FILE.read_bytes()).hexdigest()[:12]}"

__all__ = ["VERSION", "DuplicateGroup", "Spam", "judge_spam", "near_duplicates", "signatures"]

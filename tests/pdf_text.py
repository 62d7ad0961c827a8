"""The text of a PDF as people read it."""

from __future__ import annotations

import io
import unicodedata

import pypdf


def pages_of(pdf: bytes) -> list[str]:
    """The text of each page; ligatures, as of the "ff" in a version, are the letters they join."""
    pages = pypdf.PdfReader(io.BytesIO(pdf)).pages
    return [unicodedata.normalize("NFKC", page.extract_text()) for page in pages]

"""Which form of an answer a client gets: JSON, CSV, Arrow or Parquet, compressed or not.

After RFC 9110, 12.5: the client's weights decide, and between equals our order.
"""

from __future__ import annotations

import gzip
from collections.abc import Callable, Sequence
from typing import Literal

import pyarrow as pa

from serving_api.kit.errors import Problem

Form = Literal["json", "csv", "arrow", "parquet"]
MEDIA_TYPES: dict[Form, str] = {
    "json": "application/json",
    "csv": "text/csv",
    "arrow": "application/vnd.apache.arrow.stream",
    "parquet": "application/vnd.apache.parquet",
}
MIN_BYTES_TO_COMPRESS = 1024
PLAIN = "identity"
"""The encoding of what is not compressed, as HTTP calls it."""

_ENCODERS: dict[str, Callable[[bytes], bytes]] = {
    "zstd": lambda body: pa.compress(body, codec="zstd", asbytes=True),
    "br": lambda body: pa.Codec("brotli", compression_level=5).compress(body, asbytes=True),
    "gzip": lambda body: gzip.compress(body, compresslevel=6, mtime=0),
}
_MAX_HEADER = 1000


def chosen_form(accept: str | None, offered: Sequence[Form]) -> Form:
    """The form that a client likes best among those that an answer has.

    Args:
        accept: The request's ``Accept``.
        offered: The forms, the one we like best first.

    Raises:
        Problem: ``not-acceptable`` if it takes none of them.
    """
    weights = _weights(accept) if accept else {"*/*": 1.0}
    rated = [(_weight_of_type(MEDIA_TYPES[form], weights), form) for form in offered]
    best = max(weight for weight, _ in rated)
    if best <= 0:
        known = ", ".join(MEDIA_TYPES[form] for form in offered)
        raise Problem("not-acceptable", f"This answer comes as {known}.")
    return next(form for weight, form in rated if weight == best)


def prefers(accept: str, wanted: str, to: str) -> bool:
    """Whether a client asks for one media type by its name, and likes it as much as another.

    Args:
        accept: The request's ``Accept``.
        wanted: The media type that is sent to those alone who name it.
        to: The one that is sent to everybody else.
    """
    weights = _weights(accept)
    return 0 < weights.get(wanted, 0.0) >= weights.get(to, 0.0)


def chosen_encoding(accept_encoding: str | None) -> str:
    """How to compress for a client: ``zstd``, ``br``, ``gzip`` or, not at all, ``identity``."""
    weights = _weights(accept_encoding) if accept_encoding else {}
    rated = [(weights.get(name, weights.get("*", 0.0)), name) for name in _ENCODERS]
    best = max(weight for weight, _ in rated)
    if best <= 0 or best < weights.get(PLAIN, 0.0):
        return PLAIN
    return next(name for weight, name in rated if weight == best)


def encoded(body: bytes, encoding: str) -> bytes:
    """A body compressed in a way that :func:`chosen_encoding` named."""
    return body if encoding == PLAIN else _ENCODERS[encoding](body)


def _weights(header: str) -> dict[str, float]:
    """What a header such as ``a;q=0.5, b`` says; a part that cannot be read counts for nothing."""
    weights: dict[str, float] = {}
    for part in header[:_MAX_HEADER].split(","):
        name, *parameters = (piece.strip().lower() for piece in part.split(";"))
        weight = 1.0
        for parameter in parameters:
            if parameter.startswith("q="):
                try:
                    weight = float(parameter[2:])
                except ValueError:
                    weight = 0.0
        if name:
            weights[name] = weight if 0 <= weight <= 1 else 0.0
    return weights


def _weight_of_type(media_type: str, weights: dict[str, float]) -> float:
    """The most specific of what is said of a media type."""
    group = media_type.partition("/")[0]
    for name in (media_type, f"{group}/*", "*/*"):
        if name in weights:
            return weights[name]
    return 0.0

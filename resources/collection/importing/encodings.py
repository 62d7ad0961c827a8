"""Which characters the bytes of a text file stand for."""

from __future__ import annotations

import codecs
from dataclasses import dataclass

_BYTE_ORDER_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_WESTERN = frozenset(
    "àáâãäåæçèéêëìíîïñòóôõöøùúûüýÿßÀÁÂÃÄÅÆÇÈÉÊËÌÍÎÏÑÒÓÔÕÖØÙÚÛÜÝœŒšŠžŽŸ"
    "€‚ƒ„…†‡ˆ‰‹›‘’“”•–—˜™«»°·¿¡£§©®´¨²³½¼ºª\u00a0"  # noqa: RUF001 - look-alikes are the point
)
_WESTERN_SHARE = 0.97
_SAMPLE = 64 << 10
_NUL_SHARE_OF_UTF16 = 0.3

FORGIVING = "reviewgraph.forgiving"
"""Name of the error handler that reads a stray byte as Windows-1252.

Files of one encoding with a few pasted bytes of another are common, and Windows-1252 is what those
bytes nearly always are; the five bytes it leaves undefined become U+FFFD.
"""


def _read_as_windows_1252(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeDecodeError):
        raise error
    stray = error.object[error.start : error.end]
    return stray.decode("cp1252", errors="replace"), error.end


codecs.register_error(FORGIVING, _read_as_windows_1252)


@dataclass(frozen=True)
class Encoding:
    """A codec's name, and a note for the user where it had to be guessed."""

    name: str
    note: str | None = None


def detect(head: bytes) -> Encoding:
    """Find the encoding of a text from its first bytes.

    Args:
        head: The start of the file; more than 64 KiB is not looked at where guessing is needed.
    """
    for mark, name in _BYTE_ORDER_MARKS:
        if head.startswith(mark):
            return Encoding(name)
    sample = head[:_SAMPLE]
    unmarked = _utf32_without_mark(sample) or _utf16_without_mark(sample)
    if unmarked is not None:
        kind = unmarked[:6].upper()
        return Encoding(unmarked, f"The text is {kind} without a byte order mark.")
    if _is_utf8(head):
        return Encoding("utf-8")
    western = [char for char in sample.decode("cp1252", errors="replace") if char > "\x7f"]
    if sum(char in _WESTERN for char in western) >= _WESTERN_SHARE * len(western):
        return Encoding("cp1252", "The text is not UTF-8; it was read as Windows-1252.")
    from charset_normalizer import from_bytes

    best = from_bytes(sample).best()
    if best is not None and best.encoding not in {"ascii", "utf_8"}:
        return Encoding(best.encoding, f"The text is not UTF-8; it was read as {best.encoding}.")
    return Encoding(
        "utf-8",
        "The text is neither UTF-8 nor a known encoding; stray bytes were read as Windows-1252.",
    )


def _is_utf8(head: bytes) -> bool:
    try:
        codecs.getincrementaldecoder("utf-8")().decode(head)
    except UnicodeDecodeError:
        return False
    return True


def _utf32_without_mark(sample: bytes) -> str | None:
    """Find UTF-32 by its highest byte, which is always 0, and the next, which nearly always is."""
    quarters = [sample[place::4].count(0) for place in range(4)]
    count = len(sample) // 4
    if count < 2:  # noqa: PLR2004 - two characters are the least that can show a pattern
        return None
    if quarters[3] >= count and quarters[2] >= count // 2 and quarters[0] < count // 2:
        return "utf-32-le"
    if quarters[0] >= count and quarters[1] >= count // 2 and quarters[3] < count // 2:
        return "utf-32-be"
    return None


def _utf16_without_mark(sample: bytes) -> str | None:
    pairs = len(sample) // 2
    if not pairs:
        return None
    if sample[1::2].count(0) > _NUL_SHARE_OF_UTF16 * pairs > sample[0::2].count(0):
        return "utf-16-le"
    if sample[0::2].count(0) > _NUL_SHARE_OF_UTF16 * pairs > sample[1::2].count(0):
        return "utf-16-be"
    return None

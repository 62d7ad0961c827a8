"""Colours and type: one house style, in the tenant's colour, that everybody can read.

A tenant may choose any colour, also one that vanishes on white paper. What is drawn or written in
it is therefore darkened until its contrast is enough (WCAG 2.2: 4.5 to 1 for text). Sentiment has
its own colours, which people with any of the common colour deficiencies tell apart, and which
never depend on the tenant.
"""

from __future__ import annotations

import colorsys
from dataclasses import dataclass

TEXT_CONTRAST = 4.5  # WCAG 2.2, success criterion 1.4.3
WHITE, INK, MUTED, HAIRLINE = "#ffffff", "#1c2430", "#5b6675", "#dfe4ea"

SENTIMENT_COLOURS = {
    "positive": "#23819c",
    "neutral": "#c3cad3",
    "mixed": "#e8b84a",
    "negative": "#c4472b",
}

FONTS = (
    '"Inter", "Helvetica Neue", Arial, "Liberation Sans", "Noto Sans", "Noto Sans Arabic", '
    '"Noto Sans CJK SC", "Noto Sans CJK JP", "DejaVu Sans", sans-serif'
)


@dataclass(frozen=True)
class Palette:
    """A tenant's colour and what follows from it.

    Attributes:
        brand: As the tenant gave it, for large areas.
        brand_deep: A darker neighbour, for the other end of a gradient.
        on_brand: Black or white, whichever reads better on both of them.
        accent: The brand colour, darkened until text in it reads on white.
        tint: The brand colour in a whisper, for backgrounds.
    """

    brand: str
    brand_deep: str
    on_brand: str
    accent: str
    tint: str

    @classmethod
    def of(cls, brand: str) -> Palette:
        """Derives the palette.

        Args:
            brand: ``#rrggbb``.
        """
        darker, lighter = mixed(brand, "#000000", 0.28), mixed(brand, WHITE, 0.22)
        on_brand = WHITE if contrast(WHITE, brand) >= contrast(INK, brand) else INK
        deep = darker if on_brand == WHITE else lighter
        return cls(brand, deep, on_brand, readable(brand), mixed(brand, WHITE, 0.93))


def contrast(one: str, other: str) -> float:
    """Contrast ratio of two colours, 1 to 21 (WCAG 2.2)."""
    lighter, darker = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def readable(colour: str) -> str:
    """The colour, darkened just as far as text in it needs on white."""
    hue, lightness, saturation = colorsys.rgb_to_hls(*_channels(colour))
    while contrast(colour, WHITE) < TEXT_CONTRAST:
        lightness -= 0.01
        colour = _hexadecimal(colorsys.hls_to_rgb(hue, max(lightness, 0.0), saturation))
    return colour


def mixed(colour: str, other: str, share: float) -> str:
    """A colour with that share (0..1) of another one in it."""
    pairs = zip(_channels(colour), _channels(other), strict=True)
    return _hexadecimal(tuple(one * (1 - share) + two * share for one, two in pairs))


def translucent(colour: str, opacity: float) -> str:
    """The colour as ``rgba(...)``."""
    red, green, blue = (round(channel * 255) for channel in _channels(colour))
    return f"rgba({red},{green},{blue},{opacity:g})"


def _channels(colour: str) -> tuple[float, float, float]:
    red, green, blue = (int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5))
    return red, green, blue


def _hexadecimal(channels: tuple[float, ...]) -> str:
    return "#" + "".join(f"{round(channel * 255):02x}" for channel in channels)


def _luminance(colour: str) -> float:
    linear = [
        channel / 12.92 if channel <= 0.04045 else ((channel + 0.055) / 1.055) ** 2.4  # noqa: PLR2004 - sRGB
        for channel in _channels(colour)
    ]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

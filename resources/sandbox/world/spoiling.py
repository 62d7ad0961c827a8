"""What goes wrong in real deliveries: records that cannot be used, and copied promotion."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

BROKEN_VALUES: dict[str, tuple[str, ...]] = {
    "unreadable_date": (
        "31.02.2025",
        "sometime in May",
        "0000-00-00",
        "32/13/2025",
        "yesterday-ish",
    ),
    "rating_out_of_scale": ("11/5", "7/5", "50/5"),
    "unreadable_rating": ("see text", "ask my wife", "blue"),
    "date_in_future": ("2099-03-14 10:00:00", "2087-12-01 08:30:00"),
    "empty": ("",),
}
BROKEN_KINDS = tuple(BROKEN_VALUES)


@dataclass(frozen=True)
class Spam:
    """A promotional text that many authors post word for word."""

    language: str
    title: str
    text: str


SPAM = (
    Spam(
        "en",
        "AMAZING OFFER",
        "Earn $500 a day from home!!! No experience needed. Visit quick-cash-now.example today and "
        "use code RICH24 for a FREE bonus 💰💰💰",
    ),
    Spam(
        "en",
        "Recovered everything",
        "I lost all my savings but Dr. Marvin Coins recovered my crypto in 24 hours. Contact him "
        "on WhatsApp +1 555 0142 or at recover-coins.example. Thank me later!",
    ),
    Spam(
        "de",
        "SUPER ANGEBOT",
        "Günstige Follower, Likes und 5-Sterne-Bewertungen kaufen! Jetzt auf likes-boost.example, "
        "mit dem Code STAR10 sparst du 10 %. Schnell, diskret, sicher!!!",
    ),
    Spam(
        "es",
        "OFERTA INCREÍBLE",
        "Gana dinero rápido desde casa, 300 euros al día garantizados. Entra ya en "
        "dinero-facil.example y regístrate gratis. ¡¡¡Plazas limitadas!!!",
    ),
)


def spoil(record: Mapping[str, str], kind: str, turn: int) -> tuple[dict[str, str], str]:
    """Make a good record unusable in one way.

    Args:
        record: Column to text, as written to reviews.csv.
        kind: One of ``BROKEN_KINDS``.
        turn: How many of this kind came before; successive turns spoil differently.

    Returns:
        The spoiled copy and the offending value.
    """
    value = BROKEN_VALUES[kind][turn % len(BROKEN_VALUES[kind])]
    if kind == "empty":
        return dict.fromkeys(record, ""), value
    field = "rating" if "rating" in kind else "date"
    return {**record, field: value}, value

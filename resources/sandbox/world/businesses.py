"""The kinds of business the tenants are in: names, products, places, what is talked about."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Business:
    """One kind of business.

    Attributes:
        kind: A word for it, kept in the manifest.
        setting: Which scene-setting sentences fit: shop, hotel, app or restaurant.
        brands: Names for its tenants, used in this order.
        products: Full product names and the short forms customers write.
        locations: Places or markets.
        competitors: Rival names and their aliases.
        topics: Topics of the phrase banks, and the name of each in the truths.
        languages: Relative weight of each language.
        peak_day: Day of the year around which most reviews come.
    """

    kind: str
    setting: str
    colour: str
    brands: tuple[str, ...]
    products: Mapping[str, str]
    locations: tuple[str, ...]
    competitors: Mapping[str, tuple[str, ...]]
    topics: Mapping[str, str]
    languages: Mapping[str, float]
    peak_day: int


def _topics(*names: str) -> dict[str, str]:
    """Name the truths like the banks, but for the courier, who is part of delivery."""
    return {name: "delivery" if name == "courier" else name for name in names}


BUSINESSES: tuple[Business, ...] = (
    Business(
        kind="outdoor shop",
        setting="shop",
        colour="#1f6f54",
        brands=("Fjellmark", "Alpenweg", "Cairnhouse", "Borealis Gear", "Montavia", "Trekwerk"),
        products={
            "Ridge 40 Backpack": "Ridge 40",
            "Fjord Rain Jacket": "Fjord",
            "Trailrunner X2": "Trailrunner",
            "Basecamp 3 Tent": "Basecamp 3",
            "Granit GTX Boots": "Granit GTX",
            "Polar Down Sleeping Bag": "Polar Down",
            "Summit Merino Shirt": "Summit Merino",
            "Kestrel Trekking Poles": "Kestrel",
        },
        locations=("Online", "Oslo", "Munich", "Innsbruck", "Edinburgh", "Grenoble"),
        competitors={
            "Norrvik": ("Norrvik Outdoor",),
            "Peakline": ("Peak Line",),
            "Wildgrat": (),
        },
        topics=_topics("quality", "fit", "price", "delivery", "service"),
        languages={
            "en": 26,
            "de": 28,
            "fr": 12,
            "es": 6,
            "it": 8,
            "pt": 3,
            "nl": 8,
            "ja": 3,
            "pl": 4,
            "tr": 2,
        },
        peak_day=170,
    ),
    Business(
        kind="hotel group",
        setting="hotel",
        colour="#8a3b52",
        brands=(
            "Lindenhof Hotels",
            "Casa Marea",
            "Kingsbridge Inns",
            "Hotel Aurelia",
            "Solmare",
            "Parkvilla",
        ),
        products={
            "Garden Double Room": "Garden Double",
            "Family Suite": "Family Suite",
            "Economy Single": "Economy Single",
            "Sea View Studio": "Sea View",
            "Business Loft": "Business Loft",
            "Attic Apartment": "Attic",
        },
        locations=("Vienna", "Lisbon", "Amsterdam", "Florence", "Kyoto", "Seville"),
        competitors={
            "Belvara": ("Belvara Hotels",),
            "StayNorth": ("Stay North",),
            "Grandoria": ("Grandoria Resorts",),
        },
        topics=_topics("room", "cleanliness", "food", "service", "price", "place"),
        languages={
            "en": 30,
            "de": 16,
            "fr": 12,
            "es": 10,
            "it": 10,
            "pt": 6,
            "nl": 6,
            "ja": 5,
            "pl": 3,
            "tr": 2,
        },
        peak_day=215,
    ),
    Business(
        kind="food delivery app",
        setting="app",
        colour="#d9622b",
        brands=("Bitego", "Tuckin", "Mampf", "Platefly", "Zippy Fork", "Dishdash"),
        products={
            "Bitego for iOS": "iOS app",
            "Bitego for Android": "Android app",
            "Gold Membership": "Gold",
            "Grocery Express": "Grocery Express",
            "Lunch Pass": "Lunch Pass",
        },
        locations=("Berlin", "London", "Madrid", "Paris", "Milan", "Warsaw", "Istanbul"),
        competitors={
            "Foodaroo": (),
            "Snackport": ("Snack Port",),
            "HurryCurry": ("Hurry Curry",),
        },
        topics=_topics("courier", "food", "price", "service", "stability", "usability"),
        languages={
            "en": 28,
            "de": 12,
            "fr": 12,
            "es": 14,
            "it": 10,
            "pt": 6,
            "nl": 4,
            "ja": 4,
            "pl": 5,
            "tr": 5,
        },
        peak_day=20,
    ),
    Business(
        kind="software product",
        setting="app",
        colour="#2f5fd0",
        brands=("Planwise", "Ledgerly", "Taskfjord", "Notarium", "Kontura", "Briefwerk"),
        products={
            "Desk Edition": "Desk",
            "Mobile Edition": "Mobile",
            "Team Reports": "Team Reports",
            "Invoice Module": "Invoice",
            "Calendar Sync": "Calendar Sync",
            "Archive Plus": "Archive Plus",
        },
        locations=("Germany", "United Kingdom", "United States", "France", "Japan", "Brazil"),
        competitors={
            "Doquill": (),
            "Worklane": ("Work Lane",),
            "Bürofix": ("Buerofix",),
        },
        topics=_topics("usability", "stability", "features", "price", "service"),
        languages={
            "en": 38,
            "de": 14,
            "fr": 9,
            "es": 8,
            "it": 5,
            "pt": 8,
            "nl": 5,
            "ja": 8,
            "pl": 3,
            "tr": 2,
        },
        peak_day=45,
    ),
    Business(
        kind="restaurant chain",
        setting="restaurant",
        colour="#b3261e",
        brands=(
            "Osteria Nonna Pia",
            "Brasa & Sal",
            "Nudelhaus",
            "Le Petit Four",
            "Green Ladle",
            "Taverna Kosta",
        ),
        products={
            "Lunch Menu": "Lunch Menu",
            "Tasting Menu": "Tasting Menu",
            "Sunday Brunch": "Sunday Brunch",
            "Burger Classic": "Burger Classic",
            "Veggie Bowl": "Veggie Bowl",
            "Ramen Deluxe": "Ramen Deluxe",
        },
        locations=("Hamburg", "Rome", "Barcelona", "Lyon", "Rotterdam", "Porto"),
        competitors={
            "Pastarella": (),
            "Grill Union": ("GrillUnion",),
            "Bowl & Co": ("Bowl and Co",),
        },
        topics=_topics("food", "service", "price", "place", "cleanliness"),
        languages={
            "en": 22,
            "de": 16,
            "fr": 12,
            "es": 12,
            "it": 14,
            "pt": 8,
            "nl": 8,
            "ja": 3,
            "pl": 3,
            "tr": 2,
        },
        peak_day=350,
    ),
    Business(
        kind="home goods brand",
        setting="shop",
        colour="#6b4fa0",
        brands=("Holmgren Home", "Casarella", "Oakbury", "Wohnklar", "Maison Lune", "Tidehouse"),
        products={
            "Aria Coffee Maker": "Aria",
            "Nook Armchair": "Nook",
            "Lumen Desk Lamp": "Lumen",
            "Calma Mattress": "Calma",
            "Vento Vacuum": "Vento",
            "Terra Cookware Set": "Terra",
        },
        locations=("Online", "Cologne", "Brussels", "Manchester", "Turin", "Valencia"),
        competitors={
            "Möbelia": ("Moebelia",),
            "Homeforge": ("Home Forge",),
            "Livaro": (),
        },
        topics=_topics("quality", "price", "delivery", "service"),
        languages={
            "en": 26,
            "de": 22,
            "fr": 13,
            "es": 8,
            "it": 9,
            "pt": 5,
            "nl": 8,
            "ja": 4,
            "pl": 3,
            "tr": 2,
        },
        peak_day=335,
    ),
)

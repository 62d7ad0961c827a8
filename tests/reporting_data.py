# ruff: noqa: RUF001 - Chinese and Japanese have commas of their own
"""A seeded tenant for the report's tests: reviews, and the marts a report reads, as tables.

The marts are computed here from the same reviews by the rules of their columns, so that a report
can be tested without the graph that feeds it. What is planted is named in the constants.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any

import polars as pl

from resources.reporting import Period, Report, build_report
from resources.storage.snapshot_reading import Snapshot
from resources.storage.snapshots import SnapshotStore

GENERATED_AT = datetime(2026, 1, 5, 9, 30, tzinfo=UTC)
FIRST_DAY, LAST_DAY = date(2024, 7, 1), date(2025, 12, 28)
INCIDENT_MONDAY, INCIDENT_TOPIC = date(2025, 5, 5), "delivery"
IMPROVING_PRODUCT, WORSENING_PRODUCT = "Trail Runner 3", "City Rain Jacket"
PRODUCTS = (
    "Trail Runner 3",
    "City Rain Jacket",
    "Alpine Tent 2P",
    "Merino Base Layer",
    "Kids' Daypack",
    "Carbon Trekking Poles",
    "Thermo Bottle 0.75 l",
    "登山靴 プロ",
)
MIN_IN_A_THIRD = 10  # ratings, for a trend
HOSTILE_PRODUCT = '<script>window.hacked=1</script> "O\'Neill" & Söhne </script>'
LOCATIONS = ("Wien", "Graz", "Linz", "Zürich", "München")
SOURCES = ("google_reviews", "web_shop", "app_store")
SENTIMENTS = ("positive", "neutral", "mixed", "negative")
LANGUAGES = {"en": 46, "de": 20, "fr": 9, "es": 8, "ja": 6, "ar": 4, "zh": 4, "pt": 3}
TOPICS = ("quality", "delivery", "price", "customer_service", "fit_and_size", "returns", "comfort")
KEYWORDS = {
    "positive": ("comfortable", "great fit", "light", "friendly staff", "worth it", "waterproof"),
    "negative": ("late", "broken zip", "refund", "no answer", "too small", "leaks"),
    "neutral": ("colour", "size", "parcel"),
    "mixed": ("colour", "price", "late"),
}
TEXTS = {
    ("en", "positive"): (
        "Wore these for a week in the mountains and my feet were happy every single day.",
        "Friendly staff, quick answer, and the replacement arrived before the weekend.",
        "Light, waterproof and the fit is spot on. Best money I have spent this season.",
    ),
    ("en", "negative"): (
        "Waited three weeks for the parcel and nobody answered my emails. Never again.",
        "The zip broke on the second day and the shop refuses to refund me.",
    ),
    ("de", "positive"): (
        "Sehr bequem, gut verarbeitet und schnell geliefert. Klare Empfehlung von mir!",
        "Der Kundendienst war freundlich und hat mein Problem sofort gelöst, vielen Dank.",
    ),
    ("de", "negative"): (
        "Lieferung kam zwei Wochen zu spät und der Reißverschluss war schon kaputt.",
    ),
    ("fr", "positive"): ("Très confortable, livraison rapide et un service client à l'écoute.",),
    ("fr", "negative"): ("Colis jamais arrivé, aucune réponse du service client. À éviter.",),
    ("es", "positive"): ("Muy cómodas y ligeras, perfectas para caminar todo el día. ¡Repetiré!",),
    ("es", "negative"): ("El pedido llegó tarde y con la talla equivocada, nadie responde.",),
    ("ja", "positive"): ("とても軽くて歩きやすいです。雨の日でも濡れませんでした。また買います。",),
    ("ja", "negative"): ("配送が三週間も遅れ、問い合わせても返事がありませんでした。残念です。",),
    ("ar", "positive"): ("حذاء مريح جدا وخفيف، والتوصيل كان سريعا. أنصح به بشدة للجميع.",),
    ("ar", "negative"): ("تأخر الطلب ثلاثة أسابيع ولم يرد أحد على رسائلي. تجربة سيئة.",),
    ("zh", "positive"): ("非常舒适，做工很好，客服态度也很好，下次还会再来购买。",),
    ("zh", "negative"): ("等了三个星期才收到货，拉链已经坏了，客服一直不回复。",),
    ("pt", "positive"): ("Excelente qualidade, muito leve e confortável. Recomendo a todos!",),
    ("pt", "negative"): ("A encomenda atrasou três semanas e ninguém respondeu às mensagens.",),
}
HOSTILE_TEXT = (
    "</script><script>window.hacked=1</script><img src=x onerror=window.hacked=1> "
    "\u202e\x07 worst 'shop'"
)
REVIEW_SCHEMA: dict[str, Any] = {
    "review_key": pl.String,
    "version": pl.Int32,
    "source": pl.String,
    "source_review_id": pl.String,
    "title": pl.String,
    "text": pl.String,
    "rating": pl.Float64,
    "posted_at": pl.Datetime("us", "UTC"),
    "posted_day": pl.Date,
    "has_posted_date": pl.Boolean,
    "author": pl.String,
    "product": pl.String,
    "location": pl.String,
    "url": pl.String,
    "language": pl.String,
    "language_confidence": pl.Float64,
    "sentiment": pl.String,
    "sentiment_score": pl.Float64,
    "sentiment_confidence": pl.Float64,
    "topics": pl.List(pl.String),
    "keywords": pl.List(pl.String),
    "entities": pl.List(pl.String),
    "day": pl.Date,
    "batch_id": pl.String,
    "record_number": pl.Int64,
}
INPUTS = {
    "reviews": {"table": "reviews", "version": 12},
    "models": {"language": "lid-1.2", "sentiment": "linear-3.0", "topics": "taxonomy-2"},
}


@dataclass(frozen=True)
class Tenant:
    """What kind of tenant to make; the defaults are an ordinary one."""

    reviews: int = 4000
    first: date = FIRST_DAY
    last: date = LAST_DAY
    products: tuple[str, ...] = PRODUCTS
    locations: tuple[str, ...] = LOCATIONS
    sources: tuple[str, ...] = SOURCES
    languages: dict[str, int] = field(default_factory=lambda: LANGUAGES)
    has_dates: bool = True
    has_ratings: bool = True
    has_text: bool = True
    hostile: bool = False
    seed: int = 7


def publish(root: Path, tenant: Tenant | None = None, tenant_id: str = "acme") -> Snapshot:
    """Publishes a made tenant into a store below that folder and opens it."""
    reviews = made_reviews(tenant or Tenant())
    store = SnapshotStore(root)
    published = store.publish(tenant_id, marts(tenant_id, reviews), INPUTS)
    return store.open(tenant_id, published.version)


def report_on(root: Path, tenant: Tenant | None = None, period: Period | None = None) -> Report:
    """The report of a made tenant, published below that folder."""
    return build_report(
        publish(root, tenant),
        tenant_name="Acme",
        colour="#0b6e4f",
        period=period,
        generated_at=GENERATED_AT,
    )


def marts(tenant_id: str, reviews: pl.DataFrame) -> dict[str, pl.DataFrame]:
    """The tables a report reads."""
    named = {
        "weekly_series": weekly_series(reviews),
        "product_trends": product_trends(reviews),
    }
    tables = {
        name: frame.insert_column(0, pl.lit(tenant_id).alias("tenant_id"))
        for name, frame in named.items()
    }
    return {"reviews": reviews, **tables}


def made_reviews(tenant: Tenant) -> pl.DataFrame:
    """Seeded reviews with an incident week, an improving product and a worsening one."""
    chance = random.Random(tenant.seed)
    days = (tenant.last - tenant.first).days + 1
    rows = [_review(tenant, chance, number, days) for number in range(tenant.reviews)]
    if tenant.hostile:
        rows = [_made_hostile(row) if number % 4 == 0 else row for number, row in enumerate(rows)]
    return pl.DataFrame(rows, schema=REVIEW_SCHEMA, orient="row").sort("review_key")


def _review(tenant: Tenant, chance: random.Random, number: int, days: int) -> dict[str, Any]:
    progress = chance.random() ** 0.8
    posted = tenant.first + timedelta(days=min(int(progress * days), days - 1))
    in_incident = INCIDENT_MONDAY <= posted < INCIDENT_MONDAY + timedelta(days=7)
    if (
        not in_incident
        and chance.random() < 0.007
        and tenant.first <= INCIDENT_MONDAY <= tenant.last
    ):
        posted, in_incident = INCIDENT_MONDAY + timedelta(days=chance.randrange(7)), True
    weights = [1 / (place + 1) ** 0.7 for place in range(len(tenant.products))]
    product = chance.choices(tenant.products, weights)[0] if tenant.products else ""
    liked = 0.68 + (0.2 if number % 3 == 0 else 0.0)
    if product == IMPROVING_PRODUCT:
        liked = 0.35 + 0.6 * progress
    elif product == WORSENING_PRODUCT:
        liked = 0.85 - 0.4 * progress
    if in_incident:
        liked = 0.22
    draw = chance.random()
    sentiment = "positive" if draw < liked else chance.choices(SENTIMENTS[1:], (2, 2, 4))[0]
    if in_incident and sentiment != "positive":
        sentiment = "negative"
    rating = {"positive": (4, 5, 5), "neutral": (3, 4), "mixed": (3, 2, 4), "negative": (1, 1, 2)}
    language = chance.choices(list(tenant.languages), list(tenant.languages.values()))[0]
    topics = [INCIDENT_TOPIC] if in_incident else _topics(sentiment, chance)
    tone = sentiment if sentiment in ("positive", "negative") else "positive"
    text = chance.choice(TEXTS[language, tone])
    keywords = {*chance.sample(KEYWORDS[sentiment], 2), chance.choice(KEYWORDS["neutral"])}
    score = {"positive": 0.8, "neutral": 0.0, "mixed": -0.05, "negative": -0.8}[sentiment]
    has_text = tenant.has_text and chance.random() < 0.93
    return {
        "review_key": f"{chance.getrandbits(128):032x}",
        "version": 1,
        "source": chance.choices(tenant.sources, range(len(tenant.sources), 0, -1))[0],
        "source_review_id": str(number),
        "title": None,
        "text": text if has_text else None,
        "rating": float(chance.choice(rating[sentiment])) if tenant.has_ratings else None,
        "posted_at": datetime.combine(posted, time(12), UTC) if tenant.has_dates else None,
        "posted_day": posted,
        "has_posted_date": tenant.has_dates,
        "author": f"customer {number}",
        "product": product,
        "location": chance.choice(tenant.locations) if tenant.locations else "",
        "url": f"https://reviews.example/{number}" if number % 2 else None,
        "language": language if has_text else "und",
        "language_confidence": 0.97,
        "sentiment": sentiment if has_text else None,
        "sentiment_score": round(score + chance.uniform(-0.2, 0.2), 3) if has_text else None,
        "sentiment_confidence": round(chance.uniform(0.6, 0.99), 3) if has_text else None,
        "topics": topics if has_text else [],
        "keywords": sorted(keywords) if has_text else [],
        "entities": [product] if has_text and product else [],
        "day": tenant.last,
        "batch_id": "batch-1",
        "record_number": number + 1,
    }


def _topics(sentiment: str, chance: random.Random) -> list[str]:
    weights = {
        "positive": (9, 2, 3, 4, 4, 1, 7),
        "negative": (3, 6, 4, 3, 2, 5, 1),
    }.get(sentiment, (3, 3, 5, 2, 3, 2, 2))
    return sorted(set(chance.choices(TOPICS, weights, k=chance.choice((1, 1, 2)))))


def _made_hostile(row: dict[str, Any]) -> dict[str, Any]:
    hostile = {
        "product": HOSTILE_PRODUCT,
        "location": '=HYPERLINK("http://evil.example","x")',
        "source": "<b onclick=alert(1)>shop</b>",
        "url": "javascript:window.hacked=1",
    }
    if row["text"] is not None:
        hostile |= {
            "text": f"{HOSTILE_TEXT} {row['review_key'][:6]}",
            "topics": ["<i>delivery</i>", "=1+1"],
            "keywords": ["</script><script>window.hacked=1</script>", "@SUM(A1)"],
            "sentiment": "negative",
            "sentiment_score": -1.0,
            "sentiment_confidence": 1.0,
            "rating": 1.0,
        }
    return row | hostile


def _measures() -> list[pl.Expr]:
    understood = pl.col("sentiment").is_not_null().sum()
    counts = [(pl.col("sentiment") == name).sum().alias(f"{name}_count") for name in SENTIMENTS]
    negative = (pl.col("sentiment") == "negative").sum()
    return [
        pl.len().alias("review_count"),
        pl.col("rating").count().alias("rated_count"),
        pl.col("rating").mean().alias("average_rating"),
        *counts,
        pl.when(understood > 0).then(negative / understood).alias("negative_share"),
        pl.col("sentiment_score").mean().alias("average_score"),
    ]


def _dated(reviews: pl.DataFrame) -> pl.DataFrame:
    return reviews.filter(pl.col("has_posted_date") & pl.col("posted_day").is_not_null())


def weekly_series(reviews: pl.DataFrame) -> pl.DataFrame:
    """Weeks of all reviews and of each product, with baseline and incident mark."""
    dated = _dated(reviews).with_columns(pl.col("posted_day").dt.truncate("1w").alias("week_start"))
    parts = [
        dated.with_columns(pl.lit("all").alias("dimension"), pl.lit("all").alias("member")),
        dated.with_columns(pl.lit("product").alias("dimension"), pl.col("product").alias("member")),
    ]
    keys = ["dimension", "member", "week_start"]
    weeks = pl.concat([part.group_by(keys).agg(_measures()) for part in parts]).sort(keys)
    median = pl.col("negative_share").median().over("dimension", "member")
    understood = pl.sum_horizontal(f"{name}_count" for name in SENTIMENTS)
    error = (median * (1 - median) / understood).sqrt()
    score = (pl.col("negative_share") - median) / error
    topics = (
        pl.concat(parts)
        .filter(pl.col("sentiment") == "negative")
        .explode("topics")
        .group_by(*keys, "topics")
        .len()
        .sort(*keys, "len", "topics", descending=[False, False, False, True, False])
        .group_by(keys, maintain_order=True)
        .agg(pl.col("topics").first().alias("top_negative_topic"))
    )
    return (
        weeks.with_columns(
            median.alias("baseline_negative_share"),
            pl.when(score.is_finite()).then(score).alias("incident_z"),
        )
        .with_columns(
            ((pl.col("incident_z") > 4) & (pl.col("negative_count") >= 10))
            .fill_null(value=False)
            .alias("is_incident")
        )
        .join(topics, on=keys, how="left")
        .sort(keys)
    )


def product_trends(reviews: pl.DataFrame) -> pl.DataFrame:
    """First against last third of each product's time, with the interval of the change."""
    rows = []
    dated = _dated(reviews).filter(pl.col("product") != "")
    for (product,), group in dated.sort("product").group_by("product", maintain_order=True):
        first, last = group["posted_day"].min(), group["posted_day"].max()
        third = (last - first) / 3
        early = group.filter(pl.col("posted_day") < first + third)["rating"].drop_nulls()
        late = group.filter(pl.col("posted_day") > last - third)["rating"].drop_nulls()
        row = {"product": product, "review_count": group.height, "direction": "steady"}
        if min(len(early), len(late)) >= MIN_IN_A_THIRD:
            change = late.mean() - early.mean()
            half = 1.96 * (early.var() / len(early) + late.var() / len(late)) ** 0.5
            row |= {
                "first_average_rating": early.mean(),
                "last_average_rating": late.mean(),
                "change": change,
                "change_low": change - half,
                "change_high": change + half,
            }
            if change - half > 0:
                row["direction"] = "improving"
            elif change + half < 0:
                row["direction"] = "worsening"
        rows.append(row)
    numbers = ("first_average_rating", "last_average_rating", "change", "change_low", "change_high")
    return pl.DataFrame(
        rows,
        schema={
            "product": pl.String,
            "review_count": pl.Int64,
            **dict.fromkeys(numbers, pl.Float64),
            "direction": pl.String,
        },
    )

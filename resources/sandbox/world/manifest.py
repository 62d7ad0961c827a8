"""What was planted, as data: the manifest that tests hold the product against."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date


@dataclass
class DeliveryCounts:
    """What importing one file must end in, as collected = kept + unchanged + rejected.

    The counts hold when the files are imported in the order reviews.csv, later.jsonl and under one
    source name; google_reviews.json is a source of its own.
    """

    collected: int = 0
    kept: int = 0
    unchanged: int = 0
    rejected: int = 0


@dataclass
class Incident:
    """A product and topic whose negative share jumps in one ISO week.

    Counts cover the product's reviews in reviews.csv as first delivered, spam left out.
    """

    product: str
    topic: str
    week_start: date
    review_count: int = 0
    negative_count: int = 0
    other_weeks_review_count: int = 0
    other_weeks_negative_count: int = 0


@dataclass
class ImprovingProduct:
    """A product whose share of unhappy customers falls steadily over the whole time range.

    Average ratings are those of the first and last third of the days, in reviews.csv.
    """

    product: str
    first_review_count: int = 0
    first_average_rating: float | None = None
    last_review_count: int = 0
    last_average_rating: float | None = None


@dataclass(frozen=True)
class BrokenRow:
    """A record of reviews.csv that cannot be used.

    Attributes:
        record_number: Its position among the data rows, from 1.
        kind: unreadable_date, date_in_future, rating_out_of_scale, unreadable_rating or empty.
        value: The offending value.
    """

    record_number: int
    kind: str
    value: str


@dataclass
class TenantManifest:
    """The planted truths of one tenant; ids are review ids as delivered.

    Attributes:
        repeated_in_file: Records written twice in reviews.csv, and once more in later.jsonl.
        repeated_later: Records of reviews.csv that later.jsonl repeats unchanged (includes
            ``repeated_in_file``).
        edited: Reviews whose text and rating later.jsonl changes.
        deleted: Reviews that later.jsonl withdraws.
        new_later: Reviews that only later.jsonl has.
        spam: Promotional texts copied by many authors, in reviews.csv.
        contradicting: Reviews whose rating contradicts their text.
        competitor_mentions: Number of reviews that name each competitor.
    """

    id: str
    name: str
    business: str
    review_count: int
    has_language_column: bool
    incident: Incident
    improving: ImprovingProduct
    deliveries: dict[str, DeliveryCounts] = field(default_factory=dict)
    repeated_in_file: list[str] = field(default_factory=list)
    repeated_later: list[str] = field(default_factory=list)
    edited: list[str] = field(default_factory=list)
    deleted: list[str] = field(default_factory=list)
    new_later: list[str] = field(default_factory=list)
    spam: list[str] = field(default_factory=list)
    contradicting: list[str] = field(default_factory=list)
    broken: list[BrokenRow] = field(default_factory=list)
    languages: dict[str, int] = field(default_factory=dict)
    sentiments: dict[str, int] = field(default_factory=dict)
    competitor_mentions: dict[str, int] = field(default_factory=dict)


@dataclass
class WorldManifest:
    """The whole world: written as ``manifest.json``, sorted by tenant in the order generated."""

    seed: int
    reviews: int
    first_day: date
    last_day: date
    tenants: list[TenantManifest]

    def tenant(self, tenant_id: str) -> TenantManifest:
        """Return the truths of one tenant.

        Raises:
            KeyError: There is no such tenant in this world.
        """
        for tenant in self.tenants:
            if tenant.id == tenant_id:
                return tenant
        raise KeyError(tenant_id)

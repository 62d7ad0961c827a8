"""Every place that can hold what a person wrote or how they are called, and how it leaves there.

Nothing may be added to the installation without an entry here: ``tests/unit/test_privacy_registry``
and ``tests/scenarios/test_erasure`` walk the tables, the lake, the assets, the schemas of the
database, the home folder and the objects, and fail for whatever is not named. The erasure works
from these entries, so what is registered is also erased.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from resources.database.schema import AUDIT_SCHEMA, DAGSTER_SCHEMA, JOBS_SCHEMA, SCHEMA


@dataclass(frozen=True)
class Place:
    """Somewhere that is not a table of ours.

    Attributes:
        holds: What of a person can be there.
        erased: How it leaves.
    """

    holds: str
    erased: str


@dataclass(frozen=True)
class LakeTable:
    """The columns of a table in the lake; a row of a person's is deleted whole.

    Attributes:
        personal: Columns that hold what a person wrote, how they are called, or what follows.
        other: Columns that tell of nobody by themselves.
        erased: How the rows are found and leave.
    """

    personal: frozenset[str]
    other: frozenset[str]
    erased: str


@dataclass(frozen=True)
class DatabaseTable:
    """The columns of a table in PostgreSQL.

    Attributes:
        quoting: May quote a review or name its author, without anybody's intention: what quotes is
            blanked.
        own: How the tenant calls itself and what it has, and its settings: by these it runs. They
            are left as they are, also where a review says the same; the receipt tells of it.
        authored: What the tenant's people wrote, such as topics and examples. What a person wrote
            is blanked there, unless it stood there before the review came in; a name alone is not,
            for it may be a product's.
        of_review: Tell of one review, which ``review_key`` names: their rows are deleted.
        kept: Only ever added to, and by rule without anything that people typed. Rows of earlier
            releases may hold a name: the receipt tells of them.
        of_accounts: Tell of people who log in. They are no authors of reviews; identity answers
            for them.
        other: Tell of no person: keys, numbers, times, hashes, words of ours.
    """

    quoting: frozenset[str] = frozenset()
    own: frozenset[str] = frozenset()
    authored: frozenset[str] = frozenset()
    kept: frozenset[str] = frozenset()
    of_review: frozenset[str] = frozenset()
    of_accounts: frozenset[str] = frozenset()
    other: frozenset[str] = frozenset()

    @property
    def columns(self) -> frozenset[str]:
        """All columns that are spoken for."""
        groups = (self.own, self.authored, self.kept, self.of_review, self.of_accounts)
        return self.quoting.union(self.other, *groups)


WRITTEN_AT = "created_at"
"""The column that says since when a row says what its ``authored`` columns do."""


def _lake(personal: str, other: str, erased: str) -> LakeTable:
    return LakeTable(frozenset(personal.split()), frozenset(other.split()), erased)


def _table(
    *, quoting: str = "", own: str = "", authored: str = "", kept: str = "", of_review: str = "",
    of_accounts: str = "", other: str = "",
) -> DatabaseTable:  # fmt: skip
    groups = (quoting, own, authored, kept, of_review, of_accounts, other)
    return DatabaseTable(*(frozenset(group.split()) for group in groups))


_ROWS = "the rows are deleted, then every file and log entry of older versions"
_RECOUNTED = "counted again by the graph from what is left, then as the other tables"

LAKE: Mapping[str, LakeTable] = {
    "raw_reviews": _lake(
        "review_id title text rating posted_at author product location url language deleted"
        " payload",
        "day tenant_id source batch_id record_number received_at task_id task_cost_usd hints",
        f"found by the keyed mark of name, account, id or content; {_ROWS}",
    ),
    "reviews": _lake(
        "review_key content_hash source_review_id title text rating rating_given posted_at"
        " posted_day author product location url language_given",
        "day tenant_id source version has_posted_date is_deleted batch_id record_number",
        f"found by author and by the raw records they came from; {_ROWS}",
    ),
    "rejected_reviews": _lake(
        "reason value payload",
        "day tenant_id source batch_id record_number reason_code field",
        f"found by batch and number of the raw record; {_ROWS}",
    ),
    "review_enrichments": _lake(
        "review_key language language_confidence sentiment sentiment_score sentiment_confidence"
        " sentiment_margin rating_disagreement topics topic_reasons keywords entities entity_kinds"
        " aspects pii spam_score spam_reasons signature corrected text_hash",
        "day tenant_id batch_id version tier models",
        f"found by review_key, the similarity signature of near-duplicates with it; {_ROWS}",
    ),
    "daily_facts": _lake(
        "product location language posted_day has_posted_date review_count positive_count"
        " neutral_count mixed_count negative_count score_sum_micro rated_count rating_sum_milli"
        " rating_square_sum_micro rating_1_count rating_2_count rating_3_count rating_4_count"
        " rating_5_count",
        "tenant_id source",
        _RECOUNTED,
    ),
    "daily_label_facts": _lake(
        "product posted_day label mention_count positive_count neutral_count mixed_count"
        " negative_count score_sum_micro rated_count rating_sum_milli",
        "tenant_id source label_kind",
        _RECOUNTED,
    ),
}
"""The tables of the lake."""

TABLES: Mapping[str, DatabaseTable] = {
    "tenants": _table(
        quoting="status_reason",
        own="name names settings",
        other="id colour status status_changed_at closes_at plan plan_limits created_at",
    ),
    "users": _table(
        of_accounts="email name password_hash email_verified_at", other="id is_active created_at"
    ),
    "sessions": _table(
        of_accounts="user_id user_agent address",
        other="id created_at last_used_at idle_ends_at ends_at ended_at end_reason refresh_counter"
        " refreshed_at",
    ),
    "second_factors": _table(
        of_accounts="user_id sealed_secret", other="last_step created_at confirmed_at"
    ),
    "recovery_codes": _table(of_accounts="user_id signature", other="created_at used_at"),
    "one_time_tokens": _table(
        of_accounts="user_id email",
        other="id purpose created_at expires_at ended_at ended_as",
    ),
    "user_identities": _table(of_accounts="issuer subject user_id", other="created_at"),
    "api_keys": _table(
        of_accounts="created_by revoked_by",
        authored="name",
        other="id tenant_id scopes mac created_at expires_at last_used_at revoked_at",
    ),
    "identity_providers": _table(
        other="id tenant_id issuer client_id sealed_client_secret default_role created_at"
    ),
    "tenant_domains": _table(other="domain tenant_id created_at"),
    "provider_attempts": _table(
        other="state_hash tenant_id provider_id sealed browser_hash created_at expires_at used_at"
    ),
    "signing_keys": _table(other="kid state sealed created_at activated_at retired_at"),
    "lasting_keys": _table(other="id purpose sealed created_at"),
    "rate_limits": _table(other="name seconds slot counts forgotten_at"),
    "memberships": _table(other="tenant_id user_id role created_at"),
    "taxonomies": _table(
        authored="document", of_accounts="author", other="tenant_id revision version created_at"
    ),
    "aspect_lexicons": _table(
        authored="document", of_accounts="author", other="tenant_id revision version created_at"
    ),
    "nlp_settings": _table(
        own="plugins",
        other="tenant_id tier allowed_tiers models_folder models_version updated_at",
    ),
    "corrections": _table(
        of_review="review_key field revision value previous note day created_at",
        of_accounts="author",
        other="tenant_id",
    ),
    "sources": _table(own="name config", other="id tenant_id kind is_active created_at"),
    "import_batches": _table(
        quoting="file_name mapping",
        own="source",
        other="id tenant_id byte_count record_count day landed_at",
    ),
    "dataforseo_tasks": _table(
        quoting="error",
        other="tenant_id tag id source_id day status cost_usd posted_at collected_at",
    ),
    "stage_runs": _table(
        quoting="error",
        other="tenant_id day stage status rows_in rows_kept rows_unchanged rows_rejected"
        " table_version input_version model_versions cost_usd run_id attempts started_at"
        " finished_at",
    ),
    "batch_runs": _table(
        own="source",
        other="tenant_id day stage batch_id rows_in rows_kept rows_unchanged rows_rejected"
        " fingerprint run_id finished_at",
    ),
    "source_days": _table(
        own="source",
        other="tenant_id day claimed fetched new changed unchanged rejected gone run_id updated_at",
    ),
    "usage_entries": _table(
        other="id tenant_id kind subject quantity unit cost_usd day run_id created_at"
    ),
    "snapshots": _table(other="tenant_id version path row_count inputs run_id published_at"),
    "snapshot_pointers": _table(other="tenant_id version"),
    "report_requests": _table(
        quoting="error",
        of_accounts="requested_by",
        other="id tenant_id status attempt period_start period_end workspace_id run_id created_at"
        " started_at finished_at traceparent",
    ),
    "report_documents": _table(
        quoting="title",
        other="id tenant_id request_id snapshot_version period_start period_end workspace_id"
        " review_count files created_at",
    ),
    # Sealed answers cannot be searched, and are short-lived: all of the tenant's are deleted.
    "idempotency_keys": _table(
        of_review="sealed",
        of_accounts="user_id",
        other="id tenant_id key operation fingerprint created_at",
    ),
    "events": _table(
        kept="subject data",
        of_accounts="actor",
        other="id tenant_id position source type created_at sequence previous_hash hash",
    ),
    "event_publications": _table(other="event_id tenant_id published_at"),
    "invitations": _table(
        of_accounts="email invited_by",
        other="id tenant_id role token_id created_at sent_at sent_count expires_at accepted_at"
        " revoked_at",
    ),
    "workspaces": _table(own="name", other="id tenant_id kind created_at archived_at"),
    "workspace_items": _table(own="name", other="tenant_id workspace_id kind"),
    "tenant_settings": _table(
        own="choices before after",
        of_accounts="author",
        other="tenant_id revision created_at",
    ),
    "limit_notices": _table(other="tenant_id limit_name month level created_at"),
    "feature_flags": _table(other="name description is_on plans percentage updated_at"),
    "feature_overrides": _table(other="tenant_id name is_on created_at"),
    # An archive holds all that the tenant had; no report refers to it, so an erasure deletes it.
    "tenant_exports": _table(
        quoting="error",
        of_accounts="requested_by",
        other="id tenant_id status object_key sha256 bytes created_at started_at finished_at"
        " expires_at",
    ),
    "erasures": _table(
        of_accounts="requested_by",
        other="id tenant_id kind status attempt suppress subject sealed receipt run_id error"
        " created_at started_at finished_at traceparent",
    ),
    "erasure_steps": _table(other="tenant_id erasure_id step removed done_at"),
    "erasure_marks": _table(other="tenant_id mark erasure_id suppress created_at"),
}
"""The tables of the application in PostgreSQL."""

SCHEMAS: Mapping[str, Place] = {
    SCHEMA: Place("the application's tables, each named in TABLES", "table by table"),
    DAGSTER_SCHEMA: Place(
        "events, errors and metadata of runs, which may quote what a library was given",
        "every text column is searched, and what quotes is blanked",
    ),
    JOBS_SCHEMA: Place(
        "mails to people who log in, as jobs and what became of them",
        "as Dagster's: every text column is searched, and what quotes is blanked",
    ),
    AUDIT_SCHEMA: Place(
        "the heads of the chains of events: numbers and hashes",
        "there is nothing to erase",
    ),
    "public": Place("nothing: no table of ours is there", "there is nothing to erase"),
}
"""The schemas of the database."""

_PUBLISHED = Place(
    "reviews, or numbers of which they were a part, of the tenant's current snapshot",
    "published again without; every older version that held one of the reviews is deleted",
)

ASSETS: Mapping[str, Place] = {
    **{name: Place(f"the lake's table {name}", table.erased) for name, table in LAKE.items()},
    "tenant_snapshot": _PUBLISHED,
    "report_document": Place(
        "quotations and lists of reviews, in HTML, PDF and XLSX, charts included",
        "every report of a snapshot that held one of the reviews is deleted; what was asked for is "
        "written again",
    ),
    "marts/*": Place(
        "numbers and reviews, in the run's own DuckDB file and in the snapshot",
        "the file goes with its run, what killed runs left is deleted; see tenant_snapshot",
    ),
}
"""The assets of the graph; ``marts/*`` stands for all models of dbt."""

HOME: Mapping[str, Place] = {
    "cache": Place(
        "copies of snapshots on S3, and dbt's compiled plan",
        "copies go with their snapshots, on other machines as soon as the database tells of it",
    ),
    "dagster": Place(
        "the instance's configuration and captured output of runs", "what quotes is blanked"
    ),
    "erasures.jsonl": Place("keyed marks of erased people", "stays: it keeps them erased"),
    "lake": Place("the lake, see LAKE", "table by table"),
    "logs": Place("what the servers said", "what quotes is blanked in place"),
    "mails": Place(
        "mails that were written here in place of sending them", "what quotes is blanked"
    ),
    "models": Place(
        "models and word lists that were learnt from the tenant's reviews",
        "the tenant's own models are deleted; it reads with the shipped ones until it trains anew",
    ),
    "objects": Place("the files of reports, see OBJECTS", "object by object"),
    "api_address": Place("nothing", "there is nothing to erase"),
    "ports.json": Place("nothing", "there is nothing to erase"),
    "postgres": Place(
        "the embedded server's files: deleted rows stand there until PostgreSQL writes over them",
        "the tables that were touched are vacuumed; its log of changes is recycled by the server",
    ),
    "rejects": Place("rows that an import could not use, as CSV", "a file that quotes is deleted"),
    "reports": Place("copies of reports under plain names", "the tenant's are deleted"),
    "sandbox": Place("generated people of the sandbox alone", "there is nothing to erase"),
    "scratch": Place(
        "current reviews and marts of runs under way", "what ended runs left is deleted"
    ),
    "secret_key": Place("nothing", "there is nothing to erase"),
    "snapshots": _PUBLISHED,
    "world": Place("generated people of the demo alone", "there is nothing to erase"),
    "*.lock": Place("nothing", "there is nothing to erase"),
}
"""What lies in the home folder."""

OBJECTS: Mapping[str, Place] = {
    "tenants/": Place(
        "the files of reports, by tenant",
        "those of reports that held one of the reviews, and those that no report refers to",
    )
}
"""Beginnings of the keys in the object store."""

ELSEWHERE: Mapping[str, Place] = {
    "memory of the API": Place(
        "answers from snapshots, by version",
        "a version that is not recorded any more is refused before memory is asked",
    ),
    "files that were imported": Place(
        "the records, as the customer delivered them",
        "they are the customer's; imported again, what was erased is refused",
    ),
    "downloads": Place(
        "reports and exports that people have fetched", "theirs; the receipt names the reports"
    ),
    "backups": Place(
        "everything above, as of their day",
        "`reviewgraph erase --reapply` after a restore; let them expire within the month",
    ),
    "vendors": Place("the reviews at their source", "asked for there by the person"),
}
"""Where this installation's hands do not reach, or only in part."""

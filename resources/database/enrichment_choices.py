"""What each tenant chose for the enrichment of its reviews: topics, aspects, models.

Taxonomies and aspect lexicons are documents of ``resources.nlp``, kept whole in every version that
ever counted. The newest counts; a tenant without one reads with what ReviewGraph ships.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from sqlalchemy import (
    CheckConstraint,
    Column,
    Integer,
    PrimaryKeyConstraint,
    Table,
    Text,
    func,
    select,
    text,
    update,
)
from sqlalchemy.dialects.postgresql import insert

from resources.database.errors import TierNotAllowedError
from resources.database.repository import Repository
from resources.database.schema import (
    TIMESTAMP,
    created_at,
    json_column,
    metadata,
    one_of,
    tenant_column,
)
from resources.database.tenancy import TenantRepository
from resources.vocabulary import TIER_NAMES, TierName

DEFAULT_ALLOWED_TIERS: tuple[TierName, ...] = ("fast", "cascade", "deep")


@dataclass(frozen=True)
class DocumentRecord:
    """One version of a tenant's taxonomy or aspect lexicon.

    Attributes:
        tenant_id: Whose it is.
        revision: From 1; the highest one counts.
        version: Hash of the content, as annotations name it.
        document: The content, in the form that ``to_dict`` of its class writes.
        author: Who wrote it: a user's identifier, or for example ``train``.
        created_at: When.
    """

    tenant_id: str
    revision: int
    version: str
    document: Mapping[str, Any] = field(hash=False)
    author: str
    created_at: datetime


@dataclass(frozen=True)
class NlpSettings:
    """Which models read a tenant's reviews.

    Attributes:
        tenant_id: The tenant.
        tier: How much work each review is worth: ``fast``, ``cascade``, ``deep`` or ``plugin``.
        plugins: Plug-ins in the form that ``resources.nlp.plugins`` writes, used in tier
            ``plugin``.
        allowed_tiers: The tiers that its plan has and its operator allows.
        models_folder: Folder of models trained for this tenant; the shipped ones when None.
        models_version: What those models call themselves.
        updated_at: When this last changed; None while it is the default.
    """

    tenant_id: str
    tier: TierName = "fast"
    plugins: tuple[Mapping[str, Any], ...] = field(default=(), hash=False)
    allowed_tiers: tuple[TierName, ...] = DEFAULT_ALLOWED_TIERS
    models_folder: str | None = None
    models_version: str | None = None
    updated_at: datetime | None = None


def _document_table(name: str) -> Table:
    return Table(
        name,
        metadata,
        tenant_column(),
        Column("revision", Integer, nullable=False),
        Column("version", Text, nullable=False),
        json_column("document", empty="{}"),
        Column("author", Text, nullable=False),
        created_at(),
        PrimaryKeyConstraint("tenant_id", "revision"),
        CheckConstraint("revision > 0", name="revision_is_positive"),
    )


taxonomies = _document_table("taxonomies")
aspect_lexicons = _document_table("aspect_lexicons")

nlp_settings = Table(
    "nlp_settings",
    metadata,
    tenant_column(),
    Column("tier", Text, nullable=False, server_default=text("'fast'")),
    json_column("plugins", empty="[]"),
    json_column("allowed_tiers", empty=json.dumps(DEFAULT_ALLOWED_TIERS)),
    Column("models_folder", Text),
    Column("models_version", Text),
    Column("updated_at", TIMESTAMP, nullable=False, server_default=text("now()")),
    PrimaryKeyConstraint("tenant_id"),
    CheckConstraint(one_of("tier", TIER_NAMES), name="tier"),
    CheckConstraint("allowed_tiers ? tier", name="tier_is_allowed"),
)


@dataclass(frozen=True)
class DocumentRepository(Repository):
    """The versions of one kind of document.

    Attributes:
        table: ``taxonomies`` or ``aspect_lexicons``.
    """

    table: Table

    def current(self, tenant_id: str) -> DocumentRecord | None:
        """The document that counts, if the tenant ever wrote one."""
        return next(iter(self.list(tenant_id, limit=1)), None)

    def list(self, tenant_id: str, *, limit: int = 100) -> tuple[DocumentRecord, ...]:
        """The tenant's versions, latest first."""
        statement = select(self.table).where(self.table.c.tenant_id == tenant_id)
        return self._all(
            DocumentRecord, statement.order_by(self.table.c.revision.desc()).limit(limit)
        )

    def save(
        self, tenant_id: str, document: Mapping[str, Any], *, version: str, author: str
    ) -> DocumentRecord:
        """Let a document count from now on; saving the one that counts already changes nothing."""
        self._take_turns(tenant_id)
        current = self.current(tenant_id)
        if current is not None and current.document == document:
            return current
        statement = insert(self.table).values(
            tenant_id=tenant_id,
            revision=1 if current is None else current.revision + 1,
            version=version,
            document=dict(document),
            author=author,
        )
        return self._exactly_one(DocumentRecord, statement.returning(self.table))

    def _take_turns(self, tenant_id: str) -> None:
        """Let two people who write the document at once come one after the other."""
        name = f"{self.table.name}:{tenant_id}"
        self._execute(select(func.pg_advisory_xact_lock(func.hashtextextended(name, 0))))


class NlpSettingsRepository(Repository):
    """The settings of each tenant; one that never chose reads with the fast tier."""

    def get(self, tenant_id: str) -> NlpSettings:
        """The tenant's settings, or the default ones, within its plan.

        What a smaller plan no longer has gives way to the fast tier and is not forgotten: with the
        larger plan it is back.
        """
        return self._within_plan(self._kept(tenant_id))

    def choose(
        self, tenant_id: str, *, tier: TierName, plugins: Sequence[Mapping[str, Any]] = ()
    ) -> NlpSettings:
        """Choose the tier and the plug-ins.

        Raises:
            TierNotAllowedError: If the tenant's plan does not allow the tier.
        """
        allowed = self.get(tenant_id).allowed_tiers
        if tier not in allowed:
            raise TierNotAllowedError(
                f"The plan of tenant {tenant_id!r} does not allow the tier {tier!r}, only "
                f"{', '.join(allowed)}. Choose one of those, or ask for another plan."
            )
        return self._set(tenant_id, tier=tier, plugins=[dict(plugin) for plugin in plugins])

    def allow(self, tenant_id: str, tiers: Iterable[TierName]) -> NlpSettings:
        """Say which tiers the tenant's plan allows; one that it no longer allows gives way to fast.

        ``fast`` is part of every plan.

        Raises:
            TierNotAllowedError: If the tenant's plan does not have one of them.
        """
        chosen = set(tiers)
        beyond = [tier for tier in TIER_NAMES if tier in chosen - set(self._of_plan(tenant_id))]
        if beyond:
            raise TierNotAllowedError(
                f"The plan of tenant {tenant_id!r} does not have the tier {beyond[0]!r}. Give it a "
                f"larger one first: reviewgraph tenant plan {tenant_id} enterprise"
            )
        allowed = [tier for tier in TIER_NAMES if tier in chosen or tier == "fast"]
        tier = self._kept(tenant_id).tier
        return self._set(tenant_id, allowed_tiers=allowed, tier=tier if tier in allowed else "fast")

    def use_models(
        self, tenant_id: str, folder: str | None, *, version: str | None = None
    ) -> NlpSettings:
        """Read the tenant's reviews with the models of a folder; None goes back to the shipped."""
        return self._set(tenant_id, models_folder=folder, models_version=version)

    def _set(self, tenant_id: str, **values: Any) -> NlpSettings:
        # Two steps: an upsert would hold its values against the plan of a new row.
        self._execute(insert(nlp_settings).values(tenant_id=tenant_id).on_conflict_do_nothing())
        statement = (
            update(nlp_settings)
            .where(nlp_settings.c.tenant_id == tenant_id)
            .values(values | {"updated_at": func.now()})
        )
        return self._within_plan(self._exactly_one(NlpSettings, statement.returning(nlp_settings)))

    def _kept(self, tenant_id: str) -> NlpSettings:
        statement = select(nlp_settings).where(nlp_settings.c.tenant_id == tenant_id)
        return self._one(NlpSettings, statement) or NlpSettings(tenant_id)

    def _of_plan(self, tenant_id: str) -> tuple[TierName, ...]:
        tenant = TenantRepository(self.session).get(tenant_id)
        return TIER_NAMES if tenant is None else tenant.limits.tiers

    def _within_plan(self, settings: NlpSettings) -> NlpSettings:
        of_plan = self._of_plan(settings.tenant_id)
        allowed = tuple(tier for tier in settings.allowed_tiers if tier in of_plan)
        tier = settings.tier if settings.tier in allowed else "fast"
        return replace(settings, allowed_tiers=allowed, tier=tier)

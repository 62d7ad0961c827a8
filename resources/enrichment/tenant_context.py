"""What one tenant's reviews are read with: its names, topics, aspects and models, put together.

Here the database meets ``resources.nlp``, which knows nothing of tenants. The graph and the API ask
here, and so they read the same text alike.
"""

from __future__ import annotations

import logging
from functools import lru_cache
from pathlib import Path

from resources.database import DocumentRecord, NlpSettings, Tenant, UnitOfWork
from resources.nlp.aspects.lexicon import AspectLexicon, default_lexicon
from resources.nlp.context import AnnotationContext, Models
from resources.nlp.corrections import Corrections
from resources.nlp.deep import MissingDeepModelError
from resources.nlp.entities import Gazetteer, Name
from resources.nlp.plugins import PluginError, PluginSpec, require
from resources.nlp.tiers import Tier
from resources.nlp.topics import Taxonomy, default_taxonomy

_LOG = logging.getLogger(__name__)


def tenant_context(work: UnitOfWork, tenant_id: str) -> AnnotationContext:
    """What a tenant's reviews are read with.

    A tier whose transformer is not there gives way to the fast one: the rows say who judged them,
    and one tenant's choice must not keep the reviews of all others from being read.

    Raises:
        UnknownTenantError: If there is no such tenant.
    """
    return _context(
        work.tenants.require(tenant_id),
        work.taxonomies.current(tenant_id),
        work.lexicons.current(tenant_id),
        work.nlp_settings.get(tenant_id),
    )


def taxonomy_of(work: UnitOfWork, tenant_id: str) -> Taxonomy:
    """The tenant's topics, or the shipped ones."""
    return _taxonomy(work.taxonomies.current(tenant_id))


def lexicon_of(work: UnitOfWork, tenant_id: str) -> AspectLexicon:
    """The tenant's aspects, or the shipped ones."""
    return _lexicon(work.lexicons.current(tenant_id))


def corrections_of(work: UnitOfWork, tenant_id: str) -> Corrections:
    """What people said of the tenant's reviews, as far as it counts."""
    corrections: dict[str, dict[str, object]] = {}
    for correction in work.corrections.of_tenant(tenant_id):
        corrections.setdefault(correction.review_key, {})[correction.field] = correction.value
    return corrections


def models_of_tenant(settings: NlpSettings) -> Models:
    """The models trained for the tenant, or the shipped ones."""
    return Models() if settings.models_folder is None else Models(Path(settings.models_folder))


def has_transformer(models: Models) -> bool:
    """Whether the tiers above the fast one can work with these models."""
    try:
        return models.deep is not None
    except MissingDeepModelError:
        return False


def _working_plugins(settings: NlpSettings) -> tuple[PluginSpec, ...]:
    """The plug-ins that load; one that does not must not keep everybody's reviews unread."""
    working = []
    for document in settings.plugins:
        try:
            spec = PluginSpec.from_dict(document)
            require(spec)
            working.append(spec)
        except PluginError as error:
            _LOG.warning("Tenant %s is read without a plug-in: %s", settings.tenant_id, error)
    return tuple(working)


# The phrase matchers and models behind a context are made once, not with every request.
@lru_cache(maxsize=128)
def _context(
    tenant: Tenant,
    taxonomy: DocumentRecord | None,
    lexicon: DocumentRecord | None,
    settings: NlpSettings,
) -> AnnotationContext:
    models = models_of_tenant(settings)
    is_plugged_in = settings.tier == "plugin"
    wanted = Tier.FAST if is_plugged_in else Tier(settings.tier)
    return AnnotationContext(
        gazetteer=Gazetteer(tuple(Name.from_dict(name) for name in tenant.names)),
        taxonomy=_taxonomy(taxonomy),
        models=models,
        aspects=_lexicon(lexicon),
        tier=wanted if wanted is Tier.FAST or has_transformer(models) else Tier.FAST,
        plugins=_working_plugins(settings) if is_plugged_in else (),
    )


@lru_cache(maxsize=128)
def _taxonomy(record: DocumentRecord | None) -> Taxonomy:
    return default_taxonomy() if record is None else Taxonomy.from_dict(record.document)


@lru_cache(maxsize=128)
def _lexicon(record: DocumentRecord | None) -> AspectLexicon:
    return default_lexicon() if record is None else AspectLexicon.from_dict(record.document)

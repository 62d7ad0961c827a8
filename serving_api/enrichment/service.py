"""Reading and choosing what a tenant's reviews are read with."""

from __future__ import annotations

from dataclasses import replace

from resources import database
from resources.database import DocumentRecord, TierNotAllowedError
from resources.enrichment.tenant_context import (
    has_transformer,
    lexicon_of,
    models_of_tenant,
    taxonomy_of,
)
from resources.nlp import topics as nlp_topics
from resources.nlp.aspects import lexicon as aspects
from resources.nlp.plugins import PluginError, PluginSpec, version_of
from serving_api.enrichment.schemas import (
    AspectLexicon,
    MinedTerm,
    NewAspectLexicon,
    NewNlpSettings,
    NewTaxonomy,
    NlpSettings,
    Plugin,
    Taxonomy,
    Topic,
)
from serving_api.kit.auth import TenantSession
from serving_api.kit.errors import invalid_parameter


def get_taxonomy(session: TenantSession) -> Taxonomy:
    """The topics that count."""
    session.require("enrichment:read")
    taxonomy = taxonomy_of(session.work, session.tenant.id)
    return _taxonomy(taxonomy, session.work.taxonomies.current(session.tenant.id))


def put_taxonomy(session: TenantSession, wanted: NewTaxonomy) -> Taxonomy:
    """Let other topics count from now on.

    Raises:
        Problem: ``forbidden`` for a member who may only read; ``invalid-parameters`` for topics
            that no review could ever have.
    """
    session.require("enrichment:write")
    try:
        taxonomy = nlp_topics.Taxonomy.parse(wanted.model_dump(mode="json"))
    except nlp_topics.InvalidTaxonomyError:
        raise invalid_parameter(
            "body.topics", "each topic needs an example, or keywords with letters or digits"
        ) from None
    record = session.work.taxonomies.save(
        session.tenant.id,
        taxonomy.to_dict(),
        version=taxonomy.version,
        author=str(session.principal.user_id),
    )
    _tell(session, "taxonomy.changed", record.version)
    return _taxonomy(taxonomy, record)


def get_aspect_lexicon(session: TenantSession) -> AspectLexicon:
    """The aspects that count."""
    session.require("enrichment:read")
    lexicon = lexicon_of(session.work, session.tenant.id)
    return _lexicon(lexicon, session.work.lexicons.current(session.tenant.id))


def put_aspect_lexicon(session: TenantSession, wanted: NewAspectLexicon) -> AspectLexicon:
    """Let other aspects count from now on; what was mined of a term that stays is kept.

    Raises:
        Problem: ``forbidden`` for a member who may only read; ``invalid-parameters`` for a term of
            an unknown category, or another form of an unknown term.
    """
    session.require("enrichment:write")
    _require_whole(wanted)
    mined = {
        (term.language, term.text): term
        for term in lexicon_of(session.work, session.tenant.id).terms
    }
    terms = [
        replace(known, category=term.category)
        if (known := mined.get((term.language, term.text))) is not None
        else aspects.Term(term.text, term.category, term.language)
        for term in wanted.terms
    ]
    lexicon = aspects.AspectLexicon.of(wanted.categories, terms, wanted.aliases)
    record = session.work.lexicons.save(
        session.tenant.id,
        lexicon.to_dict(),
        version=lexicon.version,
        author=str(session.principal.user_id),
    )
    _tell(session, "lexicon.changed", record.version)
    return _lexicon(lexicon, record)


def get_nlp_settings(session: TenantSession) -> NlpSettings:
    """The tier and the models that count."""
    session.require("settings:read")
    return _settings(session.work.nlp_settings.get(session.tenant.id))


def put_nlp_settings(session: TenantSession, wanted: NewNlpSettings) -> NlpSettings:
    """Choose another tier, or other plug-ins.

    Raises:
        Problem: ``forbidden`` except for owners and administrators; ``invalid-parameters`` for a
            tier that the plan does not allow or that is not installed, or plug-ins that cannot
            work.
    """
    session.require("settings:write")
    _require_working_plugins(wanted)
    _require_installed_models(session, wanted)
    try:
        chosen = session.work.nlp_settings.choose(
            session.tenant.id,
            tier=wanted.tier,
            plugins=[plugin.model_dump(mode="json") for plugin in wanted.plugins],
        )
    except TierNotAllowedError:
        raise invalid_parameter("body.tier", "is not part of the tenant's plan") from None
    session.work.events.add(
        "understanding.changed",
        chosen.tier,
        tenant_id=session.tenant.id,
        data={"tier": chosen.tier},
    )
    return _settings(chosen)


def _tell(session: TenantSession, kind: str, version: str) -> None:
    session.work.events.add(kind, version, tenant_id=session.tenant.id, data={"version": version})


def _require_whole(wanted: NewAspectLexicon) -> None:
    categories = {*wanted.categories, aspects.OTHER}
    for number, term in enumerate(wanted.terms):
        if term.category not in categories:
            raise invalid_parameter(f"body.terms.{number}.category", "is not among categories")
    if not set(wanted.aliases.values()) <= {term.text for term in wanted.terms}:
        raise invalid_parameter("body.aliases", "must stand for terms of the lexicon")


def _require_working_plugins(wanted: NewNlpSettings) -> None:
    if bool(wanted.plugins) != (wanted.tier == "plugin"):
        raise invalid_parameter("body.plugins", "go with the tier plugin, and it with them")
    if len({plugin.task for plugin in wanted.plugins}) < len(wanted.plugins):
        raise invalid_parameter("body.plugins", "must be at most one for each task")
    for number, plugin in enumerate(wanted.plugins):
        where = f"body.plugins.{number}"
        try:
            spec = PluginSpec.from_dict(plugin.model_dump(mode="json"))
        except PluginError:
            raise invalid_parameter(
                where, "the engine or the options do not fit the task"
            ) from None
        if plugin.options.get("allow_download"):
            raise invalid_parameter(where, "downloads are for whoever runs the installation")
        try:
            version_of(spec)
        except PluginError:
            raise invalid_parameter(where, "names no model that is installed here") from None


def _require_installed_models(session: TenantSession, wanted: NewNlpSettings) -> None:
    models = models_of_tenant(session.work.nlp_settings.get(session.tenant.id))
    if wanted.tier in {"cascade", "deep"} and not has_transformer(models):
        raise invalid_parameter("body.tier", "needs a model that is not installed here")


def _taxonomy(taxonomy: nlp_topics.Taxonomy, record: DocumentRecord | None) -> Taxonomy:
    return Taxonomy(
        version=taxonomy.version,
        is_default=record is None,
        author=None if record is None else record.author,
        created_at=None if record is None else record.created_at,
        topics=[Topic.model_construct(**topic) for topic in taxonomy.to_dict()["topics"]],
    )


def _lexicon(lexicon: aspects.AspectLexicon, record: DocumentRecord | None) -> AspectLexicon:
    return AspectLexicon(
        version=lexicon.version,
        is_default=record is None,
        author=None if record is None else record.author,
        created_at=None if record is None else record.created_at,
        categories=dict(lexicon.categories),
        terms=[
            MinedTerm.model_construct(**{**vars(term), "span": list(term.span)})
            for term in lexicon.terms
        ],
        aliases=dict(lexicon.aliases),
    )


def _settings(kept: database.NlpSettings) -> NlpSettings:
    return NlpSettings(
        tier=kept.tier,
        allowed_tiers=list(kept.allowed_tiers),
        plugins=[Plugin.model_validate(plugin) for plugin in kept.plugins],
        has_own_models=kept.models_folder is not None,
        models_version=kept.models_version,
        updated_at=kept.updated_at,
    )

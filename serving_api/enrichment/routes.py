"""Addresses of the enrichment slice."""

from __future__ import annotations

from fastapi import APIRouter

from serving_api.enrichment import schemas, service
from serving_api.kit.auth import AsMember
from serving_api.kit.edge import takes_bodies
from serving_api.kit.errors import documented
from serving_api.kit.openapi import Tag
from serving_api.kit.routing import Route

TAG = Tag(name="enrichment", description="What a tenant's reviews are annotated with.")

router = APIRouter(
    route_class=Route,
    prefix="/v1/tenants/{tenant}",
    tags=[TAG["name"]],
    responses=documented("unauthenticated", "insufficient-scope", "not-found", "unavailable"),
)
MAX_DOCUMENT_BYTES = 4 * 1024 * 1024  # the topics or the aspects of a tenant, whole
_WRITING = documented("forbidden", "insufficient-scope", "invalid-parameters", "body-too-large")


@router.get("/taxonomy", operation_id="read_taxonomy", summary="The topics")
def read_taxonomy(session: AsMember) -> schemas.Taxonomy:
    """The topics that reviews are read for: the tenant's own, or the ones that are shipped."""
    return service.get_taxonomy(session)


@router.put(
    "/taxonomy", operation_id="write_taxonomy", summary="Change the topics", responses=_WRITING
)
@takes_bodies(up_to=MAX_DOCUMENT_BYTES)
def write_taxonomy(wanted: schemas.NewTaxonomy, session: AsMember) -> schemas.Taxonomy:
    """Replace all topics. Owners, administrators and analysts may; older versions are kept."""
    return service.put_taxonomy(session, wanted)


@router.get("/aspect-lexicon", operation_id="read_aspect_lexicon", summary="The aspects")
def read_aspect_lexicon(session: AsMember) -> schemas.AspectLexicon:
    """The terms that name an aspect, and the category of each: shipped, mined, edited."""
    return service.get_aspect_lexicon(session)


@router.put(
    "/aspect-lexicon",
    operation_id="write_aspect_lexicon",
    summary="Change the aspects",
    responses=_WRITING,
)
@takes_bodies(up_to=MAX_DOCUMENT_BYTES)
def write_aspect_lexicon(
    wanted: schemas.NewAspectLexicon, session: AsMember
) -> schemas.AspectLexicon:
    """Replace all terms. Owners, administrators and analysts may; older versions are kept."""
    return service.put_aspect_lexicon(session, wanted)


@router.get("/nlp-settings", operation_id="read_nlp_settings", summary="The models")
def read_nlp_settings(session: AsMember) -> schemas.NlpSettings:
    """How much work each review is worth, and what the tenant's plan allows."""
    return service.get_nlp_settings(session)


@router.put(
    "/nlp-settings",
    operation_id="write_nlp_settings",
    summary="Choose the models",
    responses=_WRITING,
)
def write_nlp_settings(wanted: schemas.NewNlpSettings, session: AsMember) -> schemas.NlpSettings:
    """Choose the tier, within the tenant's plan. Owners and administrators may."""
    return service.put_nlp_settings(session, wanted)

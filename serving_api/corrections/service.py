"""Correcting reviews that have been published."""

from __future__ import annotations

from typing import Any

from resources import database
from resources.enrichment.tenant_context import taxonomy_of
from resources.storage.snapshots import SnapshotStore
from resources.vocabulary import CorrectedField, is_review_key
from serving_api.corrections.schemas import (
    AspectsCorrection,
    Correction,
    CorrectionHistory,
    NewCorrection,
    TopicsCorrection,
)
from serving_api.kit.auth import TenantSession
from serving_api.kit.errors import Problem, invalid_parameter


def correct(
    session: TenantSession, snapshots: SnapshotStore, review_key: str, said: NewCorrection
) -> Correction:
    """Keep what a person says of a review.

    Raises:
        Problem: ``forbidden`` for a member who may only read; ``not-found`` if this tenant has no
            such review; ``invalid-parameters`` if the review or the taxonomy do not bear it.
    """
    session.require("corrections:write")
    review = _published(session, snapshots, review_key)
    if isinstance(said, TopicsCorrection):
        _require_known_topics(session, said)
    elif isinstance(said, AspectsCorrection):
        _require_terms_in_place(review, said)
    kept = session.work.corrections.record(
        session.tenant.id,
        review_key,
        said.field,
        said.model_dump(mode="json")["value"],
        author=str(session.principal.user_id),
        day=review["day"],
        previous=_value_of(review, said.field),
        note=said.note,
    )
    session.work.events.add(
        "correction.recorded",
        review_key,
        tenant_id=session.tenant.id,
        data={"field": kept.field, "revision": kept.revision},
    )
    return _correction(kept)


def history(session: TenantSession, snapshots: SnapshotStore, review_key: str) -> CorrectionHistory:
    """All that was ever said of a review, the latest first.

    Raises:
        Problem: ``not-found`` if this tenant has no such review.
    """
    session.require("reviews:read")
    said = session.work.corrections.history(session.tenant.id, review_key)
    if not said:
        _published(session, snapshots, review_key)
    return CorrectionHistory(items=[_correction(one) for one in said])


def histories(session: TenantSession, review_keys: list[str]) -> dict[str, list[Correction]]:
    """All that was ever said of some reviews, by review; what has none is an empty list."""
    session.require("reviews:read")
    said = session.work.corrections.histories(session.tenant.id, review_keys)
    return {key: [_correction(one) for one in said.get(key, ())] for key in review_keys}


def _published(session: TenantSession, snapshots: SnapshotStore, review_key: str) -> dict[str, Any]:
    """The review as it was published last."""
    current = session.work.snapshots.current(session.tenant.id)
    if current is None:
        raise Problem("nothing-published")
    if not is_review_key(review_key):
        raise Problem("not-found")
    snapshot = snapshots.open(current.tenant_id, current.version)
    rows = snapshot.query("select * from reviews where review_key = ?", [review_key]).to_pylist()
    if not rows:
        raise Problem("not-found")
    return dict(rows[0])


def _require_known_topics(session: TenantSession, said: TopicsCorrection) -> None:
    known = {topic.name for topic in taxonomy_of(session.work, session.tenant.id).topics}
    for number, name in enumerate(said.value or ()):
        if name not in known:
            raise invalid_parameter(
                f"body.value.{number}", "is no topic of the taxonomy; add it there first"
            )


def _require_terms_in_place(review: dict[str, Any], said: AspectsCorrection) -> None:
    title, text = review["title"] or "", review["text"] or ""
    joined = f"{title}\n{text}" if title else text
    for number, aspect in enumerate(said.value or ()):
        if aspect.end > len(joined) or not joined[aspect.start : aspect.end].strip():
            raise invalid_parameter(
                f"body.value.{number}",
                "nothing stands there; positions count the characters of title, line break and "
                "text as one",
            )


def _value_of(review: dict[str, Any], field: CorrectedField) -> Any:
    """What was published, in the shape of a correction; None where it was not published."""
    if field != "entities":
        return review.get(field)
    names, kinds = review.get("entities") or [], review.get("entity_kinds") or []
    return [{"name": name, "kind": kind} for name, kind in zip(names, kinds, strict=False)]


def _correction(kept: database.Correction) -> Correction:
    return Correction(
        review_key=kept.review_key,
        field=kept.field,
        revision=kept.revision,
        value=kept.value,
        previous=kept.previous,
        author=kept.author,
        note=kept.note,
        day=kept.day,
        created_at=kept.created_at,
    )

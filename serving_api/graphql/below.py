"""What is read below a list: batched over its items, and only while something may still be read."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import strawberry
from strawberry.extensions import FieldExtension

from serving_api.corrections import service as corrections_service
from serving_api.graphql.context import Context
from serving_api.reports import service as reports_service
from serving_api.reviews import service as reviews_service

Info = strawberry.Info[Context, None]


class Counted(FieldExtension):
    """A field that reads only while something may still be read, and tells how much it read."""

    def resolve(self, next_: Callable[..., Any], source: Any, info: Info, **arguments: Any) -> Any:
        """Answer, unless as much as may be has been read already."""
        info.context.budget.require()
        answer = next_(source, info, **arguments)
        info.context.budget.take(answer)
        return answer


def corrections_of(root: Any, info: Info) -> Any:
    """What people said of a review, the latest first."""
    session = info.context.current
    session.require("reviews:read")
    return info.context.batches.of(
        root,
        "corrections",
        key=lambda review: review.review_key,
        read=lambda keys: corrections_service.histories(session, keys),
    )


def request_of(root: Any, info: Info) -> Any:
    """The request that a report answers."""
    session = info.context.current
    session.require("reports:read")
    return info.context.batches.of(
        root,
        "request",
        key=lambda report: report.request_id,
        read=lambda keys: reports_service.requests_by_id(session, keys),
    )


def versions_of(root: Any, info: Info) -> Any:
    """All versions of a review, each with what was read from it."""
    session, services = info.context.current, info.context.services
    session.require("reviews:read")
    snapshot = info.context.snapshot(session)
    return reviews_service.get_versions(snapshot, services.lake, root.review_key).items

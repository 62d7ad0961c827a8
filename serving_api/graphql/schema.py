"""What can be asked by GraphQL, and how it is answered by the services of the slices."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, TypeVar

import strawberry
from pydantic import BaseModel, ValidationError
from strawberry.schema.config import StrawberryConfig

from resources.storage.snapshots import Snapshot
from resources.vocabulary import utc_today
from serving_api.corrections import schemas as corrections_shapes
from serving_api.graphql.below import Counted, Info, corrections_of, request_of, versions_of
from serving_api.graphql.shapes import given_of, input_of, output_of
from serving_api.imports import schemas as imports_shapes
from serving_api.imports import service as imports_service
from serving_api.kit.auth import TenantSession
from serving_api.kit.errors import ParameterError, Problem
from serving_api.kit.permissions import Permission
from serving_api.metrics import schemas as metrics_shapes
from serving_api.metrics import series as series_service
from serving_api.metrics import service as metrics_service
from serving_api.reports import schemas as reports_shapes
from serving_api.reports import service as reports_service
from serving_api.reviews import schemas as reviews_shapes
from serving_api.reviews import service as reviews_service
from serving_api.reviews.filters import ReviewFilters
from serving_api.runs import schemas as runs_shapes
from serving_api.runs import service as runs_service
from serving_api.sources import schemas as sources_shapes
from serving_api.sources import service as sources_service
from serving_api.tenants import schemas as tenants_shapes
from serving_api.tenants import service as tenants_service
from serving_api.topics import schemas as topics_shapes
from serving_api.topics import service as topics_service

Shape = TypeVar("Shape", bound=BaseModel)
Limit = Annotated[int | None, strawberry.argument(description="Items on a page.")]
Cursor = Annotated[str | None, strawberry.argument(description="`nextCursor` of the page before.")]
Workspace = Annotated[
    str | None, strawberry.argument(description="Only reviews of this workspace, by its id.")
]

PERMISSIONS: dict[str, Permission] = {
    "freshness": "metrics:read",
    "imports": "sources:read",
    "metrics": "metrics:read",
    "published": "tenant:read",
    "ratings": "metrics:read",
    "rejectedRows": "reviews:read",
    "reports": "reports:read",
    "review": "reviews:read",
    "reviews": "reviews:read",
    "runs": "metrics:read",
    "series": "metrics:read",
    "sources": "sources:read",
    "topics": "metrics:read",
}
"""What each field of a tenant asks for; a field that is not here is for every member."""


Correction: Any = output_of(corrections_shapes.Correction)
ReportRequest: Any = output_of(reports_shapes.ReportRequest)
ReviewVersion: Any = output_of(reviews_shapes.ReviewVersion)
_of_review: dict[str, Any] = {
    "corrections": strawberry.field(
        resolver=corrections_of,
        graphql_type=list[Correction] | None,
        extensions=[Counted()],
    )
}
Review: Any = output_of(reviews_shapes.Review, more=_of_review)
ReviewDetails: Any = output_of(
    reviews_shapes.ReviewDetails,
    more=_of_review
    | {
        "versions": strawberry.field(
            resolver=versions_of,
            graphql_type=list[ReviewVersion] | None,
            extensions=[Counted()],
        )
    },
)
TenantOfUser: Any = output_of(tenants_shapes.TenantOfUser)
Report: Any = output_of(
    reports_shapes.Report,
    more={
        "request": strawberry.field(
            resolver=request_of, graphql_type=ReportRequest | None, extensions=[Counted()]
        )
    },
)
SeriesChoice: Any = input_of(
    metrics_shapes.SeriesParameters, name="SeriesChoice", only=series_service.CHOSEN_BY
)
ReviewFilter: Any = input_of(ReviewFilters, name="ReviewFilter")


def _field(graphql_type: Any, description: str) -> Callable[[Callable[..., Any]], Any]:
    """Strawberry's field; its own signature tells the type checker nothing."""
    field: Callable[[Callable[..., Any]], Any] = strawberry.field(
        graphql_type=graphql_type, description=description, extensions=[Counted()]
    )
    return field


def _page(shape: type[BaseModel]) -> Any:
    return output_of(shape) | None


@strawberry.type(name="Tenant", description="A tenant that the asking user belongs to.")
class TenantNode:
    """One tenant; everything of it is read in one unit of work that sees nobody else's rows."""

    id: strawberry.ID
    name: str
    role: str
    colour: str
    session: strawberry.Private[TenantSession]

    @_field(str | None, "The first day whose reviews are shown, where the plan limits history.")
    def history_starts(self) -> str | None:
        first_day = self.session.tenant.history_starts(utc_today())
        return None if first_day is None else first_day.isoformat()

    @_field(_page(tenants_shapes.Published), "What its numbers stand on.")
    def published(self, info: Info) -> Any:
        session = self._for("published")
        return tenants_service.get_tenant(session, info.context.services.snapshots).published

    @_field(_page(reviews_shapes.ReviewPage), "The reviews.")
    def reviews(
        self,
        info: Info,
        filter: ReviewFilter | None = None,  # noqa: A002 - what it is called everywhere
        sort: str | None = None,
        count: bool = False,
        workspace: Workspace = None,
        limit: Limit = None,
        cursor: Cursor = None,
    ) -> Any:
        given = given_of(filter) | {
            "sort": sort,
            "count": count,
            "workspace": workspace,
            "limit": limit,
            "cursor": cursor,
        }
        parameters = _checked(reviews_shapes.ReviewListParameters, given)
        snapshot = self._snapshot("reviews", info, parameters.workspace)
        page = reviews_service.list_reviews(snapshot, parameters, info.context.services.cursors)
        info.context.batches.remember(page.items)
        return page

    @_field(ReviewDetails | None, "One review.")
    def review(self, info: Info, key: str) -> Any:
        return reviews_service.get_review(self._snapshot("review", info), key)

    @_field(_page(metrics_shapes.MetricsPage), "Summaries.")
    def metrics(
        self,
        info: Info,
        dimension: str | None = None,
        member: str | None = None,
        workspace: Workspace = None,
        limit: Limit = None,
        cursor: Cursor = None,
    ) -> Any:
        given = {
            "dimension": dimension,
            "member": member,
            "workspace": workspace,
            "limit": limit,
            "cursor": cursor,
        }
        parameters = _checked(metrics_shapes.MetricsParameters, given)
        return metrics_service.summaries(
            self._snapshot("metrics", info, parameters.workspace),
            parameters,
            info.context.services.cursors,
        )

    @_field(_page(metrics_shapes.Series), "A metric over time.")
    def series(
        self,
        info: Info,
        metric: str | None = None,
        grain: str | None = None,
        chosen_by: SeriesChoice | None = None,
        workspace: Workspace = None,
        first_day: str | None = None,
        last_day: str | None = None,
    ) -> Any:
        given = given_of(chosen_by) | {
            "metric": metric,
            "grain": grain,
            "workspace": workspace,
            "first_day": first_day,
            "last_day": last_day,
        }
        parameters = _checked(metrics_shapes.SeriesParameters, given)
        snapshot = self._snapshot("series", info, parameters.workspace)
        return series_service.series(snapshot, parameters)

    @_field(_page(metrics_shapes.Ratings), "How often each was given.")
    def ratings(
        self,
        info: Info,
        dimension: str | None = None,
        member: str | None = None,
        workspace: Workspace = None,
    ) -> Any:
        parameters = _checked(
            metrics_shapes.RatingParameters,
            {"dimension": dimension, "member": member, "workspace": workspace},
        )
        snapshot = self._snapshot("ratings", info, parameters.workspace)
        return metrics_service.ratings(snapshot, parameters)

    @_field(_page(topics_shapes.TopicPage), "What reviews speak of.")
    def topics(
        self,
        info: Info,
        product: str | None = None,
        topic: str | None = None,
        weeks: int | None = None,
        workspace: Workspace = None,
        limit: Limit = None,
        cursor: Cursor = None,
    ) -> Any:
        given = {
            "product": product,
            "topic": topic,
            "weeks": weeks,
            "workspace": workspace,
            "limit": limit,
            "cursor": cursor,
        }
        parameters = _checked(topics_shapes.TopicListParameters, given)
        return topics_service.list_topics(
            self._snapshot("topics", info, parameters.workspace),
            parameters,
            info.context.services.cursors,
        )

    @_field(_page(reports_shapes.ReportPage), "Written reports.")
    def reports(self, info: Info, limit: Limit = None, cursor: Cursor = None) -> Any:
        parameters = _checked(
            reports_shapes.ReportListParameters, {"limit": limit, "cursor": cursor}
        )
        session, cursors = self._for("reports"), info.context.services.cursors
        page = reports_service.list_reports(session, parameters, cursors)
        info.context.batches.remember(page.items)
        return page

    @_field(_page(sources_shapes.SourcePage), "What is asked daily.")
    def sources(self, info: Info, limit: Limit = None, cursor: Cursor = None) -> Any:
        parameters = _checked(
            sources_shapes.SourceListParameters, {"limit": limit, "cursor": cursor}
        )
        session, cursors = self._for("sources"), info.context.services.cursors
        return sources_service.list_sources(session, parameters, cursors)

    @_field(_page(imports_shapes.ImportPage), "Files that landed.")
    def imports(self, info: Info, limit: Limit = None, cursor: Cursor = None) -> Any:
        parameters = _checked(imports_shapes.ListParameters, {"limit": limit, "cursor": cursor})
        session, cursors = self._for("imports"), info.context.services.cursors
        return imports_service.list_imports(session, parameters, cursors)

    @_field(_page(imports_shapes.RejectedRowPage), "A file's rejected records.")
    def rejected_rows(
        self, info: Info, import_id: str, limit: Limit = None, cursor: Cursor = None
    ) -> Any:
        parameters = _checked(imports_shapes.ListParameters, {"limit": limit, "cursor": cursor})
        session, services = self._for("rejectedRows"), info.context.services
        return imports_service.list_rejected(
            session, import_id, parameters, services.lake, services.cursors
        )

    @_field(_page(runs_shapes.RunsPage), "What was done day by day.")
    def runs(self, info: Info, limit: Limit = None, cursor: Cursor = None) -> Any:
        parameters = _checked(runs_shapes.RunsParameters, {"limit": limit, "cursor": cursor})
        session, cursors = self._for("runs"), info.context.services.cursors
        return runs_service.list_runs(session, parameters, cursors)

    @_field(_page(runs_shapes.Freshness), "How fresh it all is.")
    def freshness(self, info: Info) -> Any:  # noqa: ARG002 - every field takes it
        return runs_service.get_freshness(self._for("freshness"))

    def _for(self, name: str) -> TenantSession:
        self.session.require(PERMISSIONS[name])
        return self.session

    def _snapshot(self, name: str, info: Info, workspace: str | None = None) -> Snapshot:
        return info.context.snapshot(self._for(name), workspace)


@strawberry.type(description="The asking user.")
class Me:
    """Who asks."""

    id: strawberry.ID
    email: str
    name: str


@strawberry.type(name="Query")
class Query:
    """Where every document begins."""

    @_field(Me | None, "The asking user.")
    def me(self, info: Info) -> Me | None:
        user = info.context.user
        return Me(id=strawberry.ID(str(user.id)), email=user.email, name=user.name)

    @_field(list[TenantOfUser] | None, "The tenants that the asking user belongs to.")
    def tenants(self, info: Info) -> Any:
        return info.context.tenants()

    @_field(TenantNode | None, "One of them.")
    def tenant(self, info: Info, id: str) -> TenantNode | None:  # noqa: A002 - what it is called
        session = info.context.session(id)
        session.require("tenant:read")
        tenant = session.tenant
        return TenantNode(
            id=strawberry.ID(tenant.id),
            name=tenant.name,
            role=session.role,
            colour=tenant.colour,
            session=session,
        )


def build() -> strawberry.Schema:
    """The schema. Nothing that it answers suggests names that a client did not know."""
    return _Schema(query=Query, config=StrawberryConfig(disable_field_suggestions=True))


class _Schema(strawberry.Schema):
    """Strawberry's, which leaves it to us to log errors: theirs may quote what people wrote."""

    def process_errors(self, errors: Any, execution_context: Any = None) -> None:
        """Log nothing here; see ``execution``."""


def _checked(shape: type[Shape], given: dict[str, Any]) -> Shape:
    """Parameters in the shape that REST takes them in.

    Raises:
        Problem: ``invalid-parameters``.
    """
    try:
        return shape.model_validate(
            {name: value for name, value in given.items() if value is not None}
        )
    except ValidationError as error:
        raise Problem(
            "invalid-parameters",
            errors=[
                ParameterError(
                    location=".".join(["arguments", *(str(part) for part in found["loc"])]),
                    message=found["msg"],
                )
                for found in error.errors(include_input=False, include_context=False)
            ],
        ) from None

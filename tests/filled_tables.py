"""A row in every table that holds rows of a tenant or a user."""

from __future__ import annotations

import uuid
from datetime import date, timedelta

from sqlalchemy import text

from resources.database import (
    BatchRecord,
    SourceDay,
    StageRecord,
    UnitOfWork,
    UsageEntry,
)

DAY = date(2026, 3, 1)


def fill(work: UnitOfWork, tenant_id: str) -> uuid.UUID:
    """Give a tenant a row in every table, and return its user."""
    work.tenants.create(tenant_id, tenant_id.title())
    user = work.users.create(f"ann@{tenant_id}.example", "Ann", "secret")
    work.users.add_membership(tenant_id, user.id, "owner")
    source = work.sources.create(tenant_id, "google_reviews", "maps")
    work.session.execute(
        text(
            "insert into reviewgraph.import_batches"
            " (id, tenant_id, source, file_name, byte_count, record_count, day)"
            " values ('b', :tenant, 's', 'f', 1, 1, '2026-03-01')"
        ),
        {"tenant": tenant_id},
    )
    work.tasks.plan(tenant_id, "tag", DAY, source.id)
    work.ledger.record(StageRecord(tenant_id=tenant_id, day=DAY, stage="collected"))
    work.batches.record_all(
        [
            BatchRecord(
                tenant_id=tenant_id,
                day=DAY,
                stage="normalised",
                batch_id="b",
                source="s",
                rows_in=1,
                rows_kept=1,
            )
        ]
    )
    work.source_days.record_all([SourceDay(tenant_id=tenant_id, day=DAY, source="s", fetched=1)])
    work.usage.add_all(
        [UsageEntry(tenant_id=tenant_id, kind="report_made", subject="r", quantity=1, day=DAY)]
    )
    work.events.add("report.failed", "r", tenant_id=tenant_id)
    work.events.mark_published(work.events.unpublished())
    work.idempotency.keep(
        user.id, tenant_id, "key", operation="o", fingerprint="f", sealed=b"answer"
    )
    work.snapshots.point_to(tenant_id, "v1", path="p", row_count=1)
    request = work.reports.request(tenant_id)
    work.reports.add_document(
        tenant_id,
        snapshot_version="v1",
        title="t",
        review_count=1,
        files=[],
        request_id=request.id,
    )
    work.corrections.record(tenant_id, "a" * 32, "sentiment", "positive", author="ann", day=DAY)
    work.taxonomies.save(tenant_id, {"topics": []}, version="v1", author="ann")
    work.lexicons.save(tenant_id, {"terms": []}, version="v1", author="ann")
    work.nlp_settings.choose(tenant_id, tier="cascade")
    work.rate_limits.take(tenant_id, limit=1, seconds=60)
    work.one_time_tokens.issue("verify_email", email=user.email, user_id=user.id)
    work.sessions.start(user.id, user_agent=tenant_id)
    work.session.execute(
        text(
            "insert into reviewgraph.signing_keys (kid, state, sealed)"
            " values (:tenant, 'retired', '')"
        ),
        {"tenant": tenant_id},
    )
    work.api_keys.create(tenant_id, user.id, name="k", scopes=[], lifetime=timedelta(days=1))
    work.second_factors.begin(user.id)
    work.second_factors.replace_recovery_codes(user.id)
    providers = work.identity_providers
    provider = providers.add(
        tenant_id,
        issuer=f"https://id.{tenant_id}.example",
        client_id="c",
        client_secret="s",
        default_role="viewer",
    )
    providers.add_domain(tenant_id, f"{tenant_id}.example")
    providers.link(provider.issuer, "subject", user.id)
    providers.expect(provider, state=tenant_id, browser="b", secrets=b"s")
    erasure = work.erasures.ask(
        tenant_id, kind="author", requested_by="ann", subject="s", sealed="sealed"
    )
    work.erasures.step_done(erasure, "rows", {"lake reviews": 1})
    work.erasures.mark_all(tenant_id, [f"author:{'a' * 40}"], erasure_id=erasure.id)
    invited = f"new@{tenant_id}.example"
    token = work.one_time_tokens.issue("invite", email=invited)
    work.invitations.create(tenant_id, invited, "viewer", token_id=token.id)
    workspace = work.workspaces.create(tenant_id, "brand", "House")
    work.workspaces.assign(tenant_id, workspace.id, [("source", "maps")])
    work.tenant_settings.change(tenant_id, {"timezone": "Europe/Vienna"}, author="ann")
    work.exports.ask(tenant_id, requested_by="ann")
    work.flags.set("new-thing", is_on=True)
    work.flags.override("new-thing", tenant_id, is_on=False)
    work.session.execute(
        text(
            "insert into reviewgraph.limit_notices (tenant_id, limit_name, month, level)"
            " values (:tenant, 'seats', '2026-03-01', 80)"
        ),
        {"tenant": tenant_id},
    )
    return user.id

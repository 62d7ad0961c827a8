"""A correction, from the API to the numbers: it needs no new data, and no reprocess loses it."""

from __future__ import annotations

from datetime import date

import pytest

from pipelines.backfill import plan_backfill, run_backfill
from pipelines.file_import import FileImport
from pipelines.session import open_session
from resources.settings import Settings
from resources.vocabulary import DayRange
from serving_api.main import create_app
from tests.api_world import PASSWORD, serving

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

DAY = date(2026, 3, 2)
IRONY = "Oh great, another wonderful delay. Just what I needed, thank you very much!"
ROWS = [(f"r{n}", "The room was clean and the staff was very friendly.", 5) for n in range(30)]


@pytest.fixture(scope="module")
def session(tmp_path_factory):
    """An installation with one imported file."""
    home = tmp_path_factory.mktemp("corrections")
    file = home / "reviews.csv"
    lines = ["id,text,rating,date"]
    lines += [
        f'{name},"{text}",{stars},2026-03-01' for name, text, stars in [*ROWS, ("i", IRONY, 1)]
    ]
    file.write_text("\n".join(lines) + "\n", encoding="utf-8")
    with open_session(Settings(home=home, _env_file=None, workers=1)) as session:
        work = FileImport.of(session, "acme", file, source="shop", day=DAY)
        work.create_tenant_if_new()
        work.process(work.land())
        with session.database.jobs() as unit:
            user = unit.users.create("ada@example.com", "Ada", PASSWORD)
            unit.users.add_membership("acme", user.id, "owner")
        yield session


def published(session):
    """The current snapshot's review of irony, and the negative reviews of the summary."""
    with session.database.jobs() as work:
        pointer = work.snapshots.current("acme")
    snapshot = session.snapshots.open("acme", pointer.version)
    (review,) = snapshot.query("select * from reviews where text = ?", [IRONY]).to_pylist()
    (summary,) = snapshot.query(
        "select negative_count from metric_summary where dimension = 'all'", []
    ).to_pylist()
    return review, summary["negative_count"]


def test_a_correction_reaches_the_numbers_by_a_backfill_and_stays(session):
    import httpx2

    review, negative = published(session)
    assert (review["sentiment"], negative) == ("positive", 0)
    days = DayRange.single(DAY)
    assert plan_backfill(session, days).days is None

    app = create_app(session.settings, session.database, session.snapshots, session.objects)
    with serving(app) as base, httpx2.Client(base_url=base, trust_env=False) as client:
        login = {"email": "ada@example.com", "password": PASSWORD}
        token = client.post("/v1/auth/token", json=login).json()["access_token"]
        answer = client.post(
            f"/v1/tenants/acme/reviews/{review['review_key']}/corrections",
            json={"field": "sentiment", "value": "negative"},
            headers={"Authorization": f"Bearer {token}"},
        )
        assert answer.status_code == 201, answer.text
        assert answer.json()["previous"] == "positive"

    plan = plan_backfill(session, days)
    assert (plan.days, plan.tenants) == (days, ("acme",))
    run_backfill(session, plan)
    review, negative = published(session)
    assert (review["sentiment"], review["sentiment_score"], negative) == ("negative", -1.0, 1)
    assert plan_backfill(session, days).days is None

    run_backfill(session, plan_backfill(session, days, force=True))
    review, negative = published(session)
    assert (review["sentiment"], negative) == ("negative", 1)

"""The commands about tenants, run as a person runs them, on a database of their own."""

from __future__ import annotations

import json
import zipfile

import pytest
import typer

from pipelines.cli import app
from resources.database import LastOwnerError, LimitReachedError
from resources.errors import ReviewGraphError


@pytest.fixture
def reviewgraph(settings, database, monkeypatch, capsys):  # noqa: ARG001 - it points the settings
    """Runs a command and returns what it printed."""
    monkeypatch.setenv("REVIEWGRAPH_HOME", str(settings.home))
    monkeypatch.setenv("REVIEWGRAPH_DATABASE_URL", settings.database_url.get_secret_value())
    monkeypatch.setenv("REVIEWGRAPH_SECRET_KEY", settings.secret_key.get_secret_value())

    def run(*arguments):
        app(list(arguments), standalone_mode=False)
        return capsys.readouterr().out

    return run


@pytest.fixture
def acme(database):
    with database.jobs() as work:
        work.tenants.create("acme", "Acme")
    return "acme"


def test_an_owner_is_let_into_a_tenant_that_an_import_made(reviewgraph, database, acme):
    said = reviewgraph("tenant", "create", acme, "--user", "ann@example.com", "--name", "Acme Inc")
    assert "There is a tenant acme already." in said
    assert "Created ann@example.com with the password" in said
    assert "ann@example.com is owner of acme now." in said
    with database.jobs() as work:
        assert work.tenants.require(acme).name == "Acme Inc"
        assert [one.role for one in work.members.list(acme)] == ["owner"]
    with pytest.raises(ReviewGraphError, match="There is a tenant 'acme' already"):
        reviewgraph("tenant", "create", acme)


def test_people_are_let_in_and_listed(reviewgraph, database, acme):
    assert "Nobody belongs to acme yet" in reviewgraph("tenant", "members", acme)
    said = reviewgraph("tenant", "let-in", acme, "Ann@Example.com", "--role", "owner")
    assert "(shown only now)" in said
    again = reviewgraph("tenant", "let-in", acme, "ann@example.com", "--role", "owner")
    assert again.strip() == "ann@example.com is owner of acme already."
    with pytest.raises(LastOwnerError):
        reviewgraph("tenant", "let-in", acme, "ann@example.com", "--role", "viewer")
    reviewgraph("user", "invite", "ben@example.com", "--tenant", acme, "--role", "analyst")
    listed = reviewgraph("tenant", "members", acme)
    assert "ann@example.com" in listed
    assert "invited until" in listed
    with database.jobs() as work:
        kinds = [event.type for event in work.events.unpublished()]
        assert kinds == ["membership.added", "invitation.created"]
    with pytest.raises(typer.BadParameter, match="no role 'king'"):
        reviewgraph("tenant", "let-in", acme, "eve@example.com", "--role", "king")
    with pytest.raises(ReviewGraphError, match="no tenant 'nobody'"):
        reviewgraph("tenant", "members", "nobody")


@pytest.mark.parametrize(
    "command",
    [
        ("tenant", "let-in", "acme", "boss@example.com", "--role", "owner"),
        ("tenant", "create", "acme", "--user", "boss@example.com"),
        ("tenant", "create", "fresh", "--user", "boss@example.com"),
    ],
)
def test_nobody_is_let_in_by_an_account_that_was_made_in_another_name(
    reviewgraph, database, acme, command
):
    with database.jobs() as work:
        work.users.create("boss@example.com", "Not the boss", "a password", is_verified=False)
    with pytest.raises(ReviewGraphError, match="user invite boss"):
        reviewgraph(*command)
    with database.jobs() as work:
        assert work.members.list(acme) == ()
        assert work.tenants.get("fresh") is None
    assert "is invited" in reviewgraph("user", "invite", "boss@example.com", "--tenant", acme)


def test_a_plan_is_given_with_limits_of_its_own_and_held(reviewgraph, acme):
    assert "Enterprise" in reviewgraph("tenant", "plan", acme)
    limits = ("--limit", "seats=1", "--limit", "sources=none")
    said = reviewgraph("tenant", "plan", acme, "team", *limits)
    assert "Team" in said
    reviewgraph("tenant", "let-in", acme, "ann@example.com")
    with pytest.raises(LimitReachedError, match="allows 1 members"):
        reviewgraph("user", "invite", "ben@example.com", "--tenant", acme)
    with pytest.raises(ReviewGraphError, match="no plan 'gold'"):
        reviewgraph("tenant", "plan", acme, "gold")
    for wrong in ("seats", "seats=-1", "chairs=2", "seats=²", "seats=٣", f"seats={'9' * 5000}"):
        with pytest.raises(typer.BadParameter, match="is no limit"):
            reviewgraph("tenant", "plan", acme, "--limit", wrong)
    with pytest.raises(ReviewGraphError, match="tenant plan acme enterprise"):
        reviewgraph("tenant", "tiers", acme, "--allow", "plugin")


def test_a_limit_of_its_own_joins_the_earlier_ones_until_a_plan_is_named(
    reviewgraph, database, acme
):
    def own():
        with database.jobs() as work:
            return dict(work.tenants.require(acme).plan_limits)

    reviewgraph("tenant", "plan", acme, "team", "--limit", "seats=3")
    reviewgraph("tenant", "plan", acme, "--limit", "sources=7")
    reviewgraph("tenant", "plan", acme, "--limit", "seats=none")
    assert own() == {"seats": None, "sources": 7}
    reviewgraph("tenant", "plan", acme, "business", "--limit", "sources=9")
    assert own() == {"sources": 9}
    reviewgraph("tenant", "plan", acme, "team")
    assert own() == {}


def test_a_tenant_is_suspended_and_resumed(reviewgraph, database, acme, tmp_path):
    reviewgraph("tenant", "suspend", acme, "--reason", "unpaid")
    with database.jobs() as work:
        assert work.tenants.require(acme).status_reason == "unpaid"
    with pytest.raises(ReviewGraphError, match="suspended: unpaid"):
        reviewgraph("user", "invite", "ben@example.com", "--tenant", acme)
    file = tmp_path / "reviews.csv"
    file.write_text("id,text,rating\n1,Good,5\n")
    with pytest.raises(ReviewGraphError, match="suspended: unpaid"):
        reviewgraph("import", str(file), "--tenant", acme, "--collect-only")
    with pytest.raises(ReviewGraphError, match="is suspended and cannot become suspended"):
        reviewgraph("tenant", "suspend", acme, "--reason", "again")
    reviewgraph("tenant", "resume", acme)
    assert "landed 1 records" in reviewgraph(
        "import", str(file), "--tenant", acme, "--collect-only"
    )


def test_a_tenant_is_exported_closed_and_erased(reviewgraph, database, acme, tmp_path):
    file = tmp_path / "reviews.csv"
    file.write_text("id,text,rating,author\n1,Good,5,Canary Jones\n")
    reviewgraph("import", str(file), "--tenant", acme, "--collect-only")
    archive = tmp_path / "acme.zip"
    assert "Wrote" in reviewgraph("tenant", "export", acme, "--out", str(archive))
    assert oct(archive.stat().st_mode & 0o077) == "0o0"
    with zipfile.ZipFile(archive) as content:
        assert json.loads(content.read("tenant.json"))["id"] == acme
        assert len(content.read("database/import_batches.jsonl").splitlines()) == 1
    with pytest.raises(ReviewGraphError, match="is there already"):
        reviewgraph("tenant", "export", acme, "--out", str(archive))
    with pytest.raises(ReviewGraphError, match="Close it first"):
        reviewgraph("tenant", "close", acme, "--erase", "--yes")
    assert "is closing" in reviewgraph("tenant", "close", acme)
    with pytest.raises(ReviewGraphError, match="can be opened again until"):
        reviewgraph("tenant", "close", acme, "--erase", "--yes")
    reviewgraph("tenant", "resume", acme)
    reviewgraph("tenant", "close", acme, "--days", "0")
    said = reviewgraph("tenant", "close", acme, "--erase", "--yes")
    assert "rows of the lake's raw_reviews" in said
    with database.jobs() as work:
        assert work.tenants.require(acme).status == "closed"
        assert work.imports.list(acme) == ()
    assert "Canary" not in "".join(
        path.read_bytes().decode("latin-1")
        for path in (database.settings.home / "lake").rglob("*")
        if path.is_file()
    )


def test_flags_are_set_and_listed(reviewgraph, acme):
    assert "no flag yet" in reviewgraph("flag", "list")
    assert "new-report is off" in reviewgraph("flag", "set", "new-report", "--description", "New")
    said = reviewgraph("flag", "set", "new-report", "--on", "--plan", "team", "--percentage", "20")
    assert said.strip() == "new-report is on for 20 percent of the plans team."
    assert "plan" in reviewgraph("flag", "list", "--tenant", acme)
    reviewgraph("flag", "set", "new-report", "--on", "--tenant", acme)
    assert "yes" in reviewgraph("flag", "list", "--tenant", acme)
    reviewgraph("flag", "set", "new-report", "--reset", "--tenant", acme)
    assert "team" in reviewgraph("flag", "list")
    with pytest.raises(typer.BadParameter):
        reviewgraph("flag", "set", "new-report", "--tenant", acme)
    with pytest.raises(ReviewGraphError, match="cannot name a flag"):
        reviewgraph("flag", "set", "Not A Flag")

"""A person is erased where lake, snapshots and objects lie on S3: nothing of them is left there."""

from __future__ import annotations

import pytest
from pydantic import SecretStr

from pipelines.erasing import ask_for, eraser_of
from pipelines.session import open_session
from resources.privacy.subjects import Wanted
from resources.storage.snapshots import SnapshotStore
from tests.erasure_world import AUTHOR, NAME, OTHER_WORDS, WORDS, Reviews, bring_in, found_in
from tests.s3_service import ACCESS, download, make_bucket, running_s3

pytestmark = [pytest.mark.slow, pytest.mark.browser]

BUCKET = "installation"
STORES = {
    *(f"lake {name}" for name in ("raw_reviews", "reviews", "rejected_reviews")),
    *(f"files of lake {name}" for name in ("raw_reviews", "reviews", "rejected_reviews")),
    "snapshot",
    "object",
}


@pytest.fixture(scope="module")
def endpoint():
    with running_s3() as address:
        make_bucket(address, BUCKET)
        yield address


@pytest.fixture(scope="module")
def session(module_settings, postgres, endpoint):
    for part in ("lake", "objects", "snapshots"):
        setattr(module_settings, f"{part}_url", f"s3://{BUCKET}/{part}")
    module_settings.s3_endpoint = endpoint
    module_settings.s3_access_key_id = ACCESS["s3_access_key_id"]
    module_settings.s3_secret_access_key = SecretStr(ACCESS["s3_secret_access_key"])
    with postgres.database(module_settings), open_session(module_settings) as session:
        yield session


@pytest.fixture(scope="module")
def erased(session, endpoint, tmp_path_factory):
    """What was found before and after the erasure, and its receipt."""
    folder = tmp_path_factory.mktemp("erasure")
    for tenant, words in (("acme", WORDS), ("bolt", OTHER_WORDS)):
        bring_in(session, Reviews(tenant, words), folder)

    def found(step, needle, tenant="acme"):
        stores = folder / step
        if not stores.exists():
            download(endpoint, BUCKET, stores)
        return found_in(session, needle, tenant=tenant, stores=stores)

    before = {needle: found("before", needle) for needle in (NAME, WORDS)}
    other = found("before", OTHER_WORDS, "bolt")
    versions = session.snapshots.versions("acme")
    with session.database.jobs() as work:
        wanted = Wanted(author=AUTHOR)
        asked = ask_for(work, session.database.keys, "acme", wanted, requested_by="ann")
    done = eraser_of(session).carry_out("acme", asked.id)
    after = {needle: found("after", needle) for needle in (NAME, WORDS, "acct-77")}
    return {
        "before": before, "after": after, "versions": versions, "receipt": done.receipt,
        "other": (other, found("after", OTHER_WORDS, "bolt")),
    }  # fmt: skip


def test_the_person_was_in_every_store_before_and_is_in_none_afterwards(erased):
    assert erased["before"][NAME] | erased["before"][WORDS] >= STORES
    assert erased["after"] == {NAME: set(), WORDS: set(), "acct-77": set()}


def test_the_receipt_names_what_lay_there_and_that_it_was_searched_again(erased):
    receipt = erased["receipt"]
    for version in erased["versions"]:
        assert f"snapshot acme/{version}" in receipt["erased"]
    endings = {place.rpartition(".")[2] for place in receipt["erased"] if "object " in place}
    assert endings == {"html", "pdf", "xlsx"}
    assert receipt["erased"]["files of lake raw_reviews"] > 0
    assert set(receipt["searched"].values()) == {0}


def test_the_other_tenant_has_what_it_had(erased):
    before, after = erased["other"]
    assert before == after >= STORES


def test_what_is_read_from_now_on_is_what_is_left(session, erased, tmp_path):
    with session.database.jobs() as work:
        current = work.snapshots.current("acme")
        (document,) = work.reports.list("acme")
    assert current.version not in erased["versions"]
    elsewhere = session.settings.model_copy(update={"home": tmp_path})
    snapshot = SnapshotStore.from_settings(elsewhere).open("acme", current.version)
    assert snapshot.table("reviews").height == document.review_count == 72
    for file in document.files:
        assert session.objects.exists(file["key"])
    assert session.snapshots.copies()["acme"] == {current.version}

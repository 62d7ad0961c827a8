"""The object store in a folder: names by content, whole files only, no way out."""

from __future__ import annotations

import hashlib
from concurrent.futures import ThreadPoolExecutor

import pytest

from resources.storage.links import LinkError
from resources.storage.objects import (
    ObjectDamagedError,
    ObjectNotFoundError,
    ObjectStore,
    ObjectStoreError,
)

PAGE = b"%PDF-1.7 a page" * 200_000  # about 3 MB
SHA256 = hashlib.sha256(PAGE).hexdigest()
KEY = f"tenants/acme/{SHA256[:2]}/{SHA256}.pdf"


@pytest.fixture
def store(tmp_path):
    return ObjectStore(str(tmp_path / "objects"))


def test_a_file_is_named_by_its_tenant_and_content(store):
    stored = store.put("acme", PAGE, suffix=".pdf")

    assert (stored.key, stored.sha256, stored.size) == (KEY, SHA256, len(PAGE))
    assert store.get(stored.key) == PAGE
    assert store.exists(stored.key)
    assert store.path(stored.key).read_bytes() == PAGE


def test_storing_a_file_again_writes_nothing(store):
    path = store.path(store.put("acme", PAGE, suffix=".pdf").key)
    before = path.stat()

    again = store.put("acme", PAGE, suffix=".pdf")

    assert again.key == KEY
    assert (path.stat().st_ino, path.stat().st_mtime_ns) == (before.st_ino, before.st_mtime_ns)


def test_writers_of_the_same_file_race_and_leave_one_whole_file(store, tmp_path):
    with ThreadPoolExecutor(8) as pool:
        writers = [pool.submit(store.put, "acme", PAGE, suffix=".pdf") for _ in range(16)]

    assert {writer.result().key for writer in writers} == {KEY}
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert [path.read_bytes() == PAGE for path in files] == [True]


def test_the_same_file_of_two_tenants_is_kept_apart(store):
    keys = {store.put(tenant, b"same", suffix=".html").key for tenant in ("acme", "beta")}

    assert len(keys) == 2


def test_a_file_can_be_read_in_chunks(store):
    chunks = list(store.stream(store.put("acme", PAGE, suffix=".pdf").key))

    assert len(chunks) > 1
    assert b"".join(chunks) == PAGE


def test_an_empty_file_is_a_file(store):
    stored = store.put("acme", b"", suffix="")

    assert store.get(stored.key) == b""
    assert stored.size == 0


def test_a_missing_file_is_said_to_be_missing(store):
    assert not store.exists(KEY)
    for read in (store.get, store.stream, store.path):
        with pytest.raises(ObjectNotFoundError, match="There is no object tenants/acme"):
            read(KEY)


@pytest.mark.parametrize(
    "key",
    [
        "",
        "/etc/passwd",
        "../secret_key",
        f"tenants/acme/../beta/{SHA256[:2]}/{SHA256}.pdf",
        f"tenants/../{SHA256[:2]}/{SHA256}.pdf",
        f"tenants/acme/00/{SHA256}.pdf",
        f"tenants/acme/{SHA256[:2]}/{SHA256}.pdf/../../x",
        f"tenants/acme/{SHA256[:2]}/{SHA256}.pdf\n",
        f"tenants/acme/{SHA256[:2]}/{SHA256}%2e%2e",
        f"tenants/ACME/{SHA256[:2]}/{SHA256}.pdf",
    ],
)
def test_what_is_no_key_is_refused(store, tmp_path, key):
    (tmp_path / "secret_key").write_text("secret")
    for use in (store.get, store.stream, store.path, store.exists):
        with pytest.raises(ObjectStoreError, match="not a key"):
            use(key)


@pytest.mark.parametrize(
    ("tenant", "suffix"),
    [("..", ".pdf"), ("a/b", ".pdf"), ("", ".pdf"), ("acme", "/../x"), ("acme", "pdf")],
)
def test_a_tenant_or_suffix_that_cannot_be_in_a_key_is_refused(store, tmp_path, tenant, suffix):
    with pytest.raises(ObjectStoreError, match="not a key"):
        store.put(tenant, b"x", suffix=suffix)
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_chunks_and_files_are_stored_as_bytes_are(store, tmp_path):
    (tmp_path / "page.pdf").write_bytes(PAGE)
    chunks = (PAGE[start : start + 7000] for start in range(0, len(PAGE), 7000))

    assert store.put("acme", chunks, suffix=".pdf").key == KEY
    assert store.get(KEY) == PAGE
    assert store.put("acme", tmp_path / "page.pdf", suffix=".pdf").size == len(PAGE)


def test_a_part_can_be_read(store):
    store.put("acme", PAGE, suffix=".pdf")

    assert b"".join(store.stream(KEY, within=(10, 2_000_000))) == PAGE[10:2_000_000]
    for outside in ((0, len(PAGE) + 1), (5, 5), (-1, 5)):
        with pytest.raises(ObjectStoreError, match="not within"):
            store.stream(KEY, within=outside)


def test_a_changed_file_is_an_error_and_not_served(store):
    path = store.path(store.put("acme", PAGE, suffix=".pdf").key)
    assert store.get(KEY) == PAGE
    path.write_bytes(b"!" + PAGE[1:])

    for within in (None, (100, 200)):
        with pytest.raises(ObjectDamagedError, match="damaged"):
            store.stream(KEY, within=within)


def test_a_deleted_file_is_gone_and_can_be_stored_again(store):
    store.put("acme", PAGE, suffix=".pdf")

    store.delete(KEY)
    store.delete(KEY)

    assert not store.exists(KEY)
    assert store.put("acme", PAGE, suffix=".pdf").key == KEY


def test_a_link_opens_one_file_for_a_while_and_cannot_be_changed(tmp_path):
    store = ObjectStore(str(tmp_path / "objects"), secret=lambda: "a secret")
    store.put("acme", PAGE, suffix=".pdf")
    token = store.sign(KEY, 60)
    end = int(token.partition(".")[0])

    assert store.verify_link(token, now=end - 1) == KEY
    others = [token.replace("acme", "beta"), f"{end + 9}{token[len(str(end)) :]}", f"0{token}", ""]
    for wrong, now in [(token, end), *((other, end - 1) for other in others)]:
        with pytest.raises(LinkError):
            store.verify_link(wrong, now=now)
    with pytest.raises(LinkError):
        ObjectStore(str(tmp_path / "objects"), secret=lambda: "another").verify_link(token)

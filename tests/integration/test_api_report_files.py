"""Reports over the API: asked for, followed, listed, and their files whole or not at all."""

from __future__ import annotations

import hashlib
import os

import pytest
from sqlalchemy import text

from tests.api_world import FORMATS, all_pages, file_content, read
from tests.published_reviews import FIRST_DAY, review_key

ACME = "/v1/tenants/acme"
PROBLEM = "application/problem+json"


def test_a_report_is_listed_and_its_files_come_whole(world, ada):
    report = read(ada, f"{ACME}/reports")["items"][-1]
    assert report["id"] == world.ids["acme"]["report"]
    assert report["period_start"] == FIRST_DAY.isoformat()
    assert read(ada, f"{ACME}/reports/{report['id']}") == report
    assert [file["format"] for file in report["files"]] == list(FORMATS)
    for file in report["files"]:
        answer = ada.get(file["href"])
        content = file_content("acme", file["format"])
        assert answer.content == content
        assert answer.headers["content-type"] == FORMATS[file["format"]]
        assert answer.headers["content-length"] == str(len(content))
        assert answer.headers["etag"] == f'"{hashlib.sha256(content).hexdigest()}"'
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["content-disposition"] == (
            f'attachment; filename="acme-report-{report["id"][:8]}.{file["format"]}"'
        )
        kept = ada.get(file["href"], headers={"If-None-Match": answer.headers["etag"]})
        assert (kept.status_code, kept.content) == (304, b"")


def test_whoever_holds_anything_is_not_told_that_it_holds_what_does_not_exist(world, ada):
    anything = {"If-None-Match": "*"}
    report = f"{ACME}/reports/{world.ids['acme']['report']}"
    there = [f"{ACME}/metrics", f"{ACME}/reviews/{review_key('acme', 0)}", f"{report}/files/pdf"]
    nowhere = [
        f"{ACME}/reviews/{'0' * 32}",
        f"{ACME}/reviews?snapshot={'0' * 32}",
        f"{ACME}/metrics?dimension=product&member=nothing",
        f"{ACME}/metrics?member=nothing",
        f"{report}/files/doc",
        "/v1/tenants/brava/metrics",
        "/v1/tenants/empty/metrics",
    ]
    assert [ada.get(one, headers=anything).status_code for one in there] == [304] * len(there)
    for one in nowhere:
        assert ada.get(one, headers=anything).status_code in {404, 410}, one
    path = world.objects.path(world.ids["acme"]["file"])
    hidden = path.rename(path.with_suffix(".hidden"))
    try:
        gone = [ada.get(f"{report}/files/{one}", headers=anything).status_code for one in FORMATS]
    finally:
        hidden.rename(path)
    assert sorted(gone) == [304, 304, 410]


def test_a_file_that_is_gone_is_a_problem(world, ada):
    report = read(ada, f"{ACME}/reports")["items"][-1]
    path = world.objects.path(world.ids["acme"]["file"])
    hidden = path.rename(path.with_suffix(".hidden"))
    try:
        answer = ada.get(report["files"][0]["href"])
    finally:
        hidden.rename(path)
    assert answer.status_code == 410
    assert answer.json()["type"] == "urn:reviewgraph:problem:file-gone"


def test_a_download_that_broke_off_goes_on(ada):
    file = read(ada, f"{ACME}/reports")["items"][-1]["files"][0]
    content = file_content("acme", file["format"])

    begun = ada.get(file["href"], headers={"Range": "bytes=0-999"})
    rest = ada.get(
        file["href"], headers={"Range": "bytes=1000-", "If-Range": begun.headers["etag"]}
    )

    assert (begun.status_code, rest.status_code) == (206, 206)
    assert begun.headers["content-range"] == f"bytes 0-999/{len(content)}"
    assert begun.content + rest.content == content
    outside = ada.get(file["href"], headers={"Range": f"bytes={len(content)}-"})
    assert outside.status_code == 416
    assert outside.headers["content-range"] == f"bytes */{len(content)}"
    assert outside.json()["type"] == "urn:reviewgraph:problem:range-not-satisfiable"


def test_a_file_that_was_changed_is_not_sent(world, ada):
    report = read(ada, f"{ACME}/reports")["items"][-1]
    path = world.objects.path(world.ids["acme"]["file"])
    content = path.read_bytes()
    path.write_bytes(content.swapcase())
    try:
        answer = ada.get(report["files"][0]["href"])
    finally:
        path.write_bytes(content)
    assert_damaged(answer)


def test_a_file_that_was_changed_after_it_was_read_is_not_sent_whatever_its_times_say(world, ada):
    report = read(ada, f"{ACME}/reports")["items"][-1]
    path = world.objects.path(world.ids["acme"]["file"])
    content, times = path.read_bytes(), path.stat()
    assert ada.get(report["files"][0]["href"]).content == content
    with path.open("r+b") as file:  # in place: the same inode, size and time of its content
        file.write(content.swapcase())
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))
    try:
        whole = ada.get(report["files"][0]["href"])
        part = ada.get(report["files"][0]["href"], headers={"Range": "bytes=5-9"})
        anything = ada.get(report["files"][0]["href"], headers={"If-None-Match": "*"})
    finally:
        path.write_bytes(content)
    for answer in (whole, part, anything):
        assert_damaged(answer)


def test_a_file_that_is_not_the_one_registered_is_not_sent(world, ada):
    other = world.objects.put("acme", b"another file", suffix=".html")
    file = {"format": "html", "key": other.key, "sha256": "0" * 64, "bytes": other.size}
    with world.database.jobs() as work:
        report = work.reports.add_document(
            "acme",
            snapshot_version=world.ids["acme"]["snapshot"],
            title="Reviews of acme",
            review_count=1,
            files=[{**file, "media_type": FORMATS["html"]}],
        )
    try:
        assert_damaged(ada.get(f"{ACME}/reports/{report.id}/files/html"))
    finally:
        with world.database.jobs() as work:
            work.session.execute(
                text("delete from reviewgraph.report_documents where id = :id"), {"id": report.id}
            )


def assert_damaged(answer):
    assert answer.status_code == 500
    assert answer.json()["type"] == "urn:reviewgraph:problem:file-damaged"
    assert "content-disposition" not in answer.headers


def test_a_report_is_asked_for_and_followed(world, ada):
    answer = ada.post(
        f"{ACME}/reports", json={"period_start": "2026-02-01", "period_end": "2026-02-28"}
    )
    assert answer.status_code == 202, answer.text
    request = read(ada, answer.headers["location"])
    assert request == answer.json()
    assert (request["status"], request["period_end"]) == ("queued", "2026-02-28")
    with world.database.jobs() as work:
        queued = [str(found.id) for found in work.reports.requests("queued", tenant_id="acme")]
        assert request["id"] in queued


def test_a_viewer_reads_reports_but_asks_for_none(world):
    with world.client("vic") as vic:
        assert vic.get(f"{ACME}/reports").status_code == 200
        answer = vic.post(f"{ACME}/reports", json={})
    assert answer.status_code == 403
    assert answer.json()["type"] == "urn:reviewgraph:problem:forbidden"


@pytest.mark.parametrize(
    "wish",
    [
        {"period_start": "2026-03-01", "period_end": "2026-02-01"},
        {"period_start": 0},
        {"tenant_id": "brava"},
        {"status": "done"},
    ],
)
def test_a_wish_that_cannot_be_is_a_problem(ada, wish):
    assert ada.post(f"{ACME}/reports", json=wish).status_code == 422


def test_reports_are_paged_latest_first(world, ada):
    titles = ["First", "Second", "Third"]
    for title in titles:
        with world.database.jobs() as work:
            work.reports.add_document(
                "acme",
                snapshot_version=world.ids["acme"]["snapshot"],
                title=title,
                review_count=1,
                files=[],
            )
    items = all_pages(ada, f"{ACME}/reports?limit=1")
    assert [item["title"] for item in items] == [*reversed(titles), "Reviews of acme"]

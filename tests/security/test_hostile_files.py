"""Files made to take memory, time or what is not theirs: refused in words, within bounds."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import textwrap
from datetime import date
from pathlib import Path

import psutil
import pyarrow as pa
import pytest

from resources.collection.importing import ImportFileError, Limits, land, plan_import
from resources.storage.lake import Lake
from tests.hostile_files import CSV, HOSTILE, READ, TEXTS, parquet, workbook, zipped

ROOT = Path(__file__).resolve().parents[2]
MAX_MIB = 700  # of memory, over all that an ordinary small file takes
MAX_TIMES_ORDINARY = 100  # the processor time of an ordinary small file

# Imports each file in a process of its own, forked from one that has paid for the imports, and says
# what came of it, the most memory it and its readers took, and their processor time.
IMPORTER = textwrap.dedent("""
    import json, os, sys
    from datetime import date
    from resources.collection.importing import ImportFileError, land, plan_import
    from resources.storage.lake import Lake
    import resources.collection.importing.formats

    def outcome(path, lake):
        try:
            plan = plan_import(path, tenant_id="acme", source="shop")
            report = land(plan, day=date(2026, 3, 2), lake=Lake(lake))
        except ImportFileError as error:
            return {"refused": str(error)}
        readable = sum(one.record_count - one.unreadable_count for one in report.batches)
        return {"read": readable, "notes": report.notes}

    for line in sys.stdin:
        path, lake = json.loads(line)
        reader, writer = os.pipe()
        child = os.fork()
        if child == 0:
            try:
                said = outcome(path, lake)
            except BaseException as error:
                said = {"failed": repr(error)}
            os.write(writer, json.dumps(said).encode())
            os._exit(0)
        os.close(writer)
        said = json.loads(os.fdopen(reader).read() or '{"failed": "it died"}')
        _, _, used = os.wait4(child, 0)
        said["mebibytes"] = used.ru_maxrss / 1024
        said["seconds"] = used.ru_utime + used.ru_stime
        print(json.dumps(said), flush=True)
""")


class Importer:
    def __init__(self, folder):
        self.folder = folder
        self.process = subprocess.Popen(
            [sys.executable, "-c", IMPORTER],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.count = 0
        self.ordinary = self.of("ordinary.csv", CSV.encode())

    def of(self, name, content):
        path = self.folder / name
        path.write_bytes(content)
        said = self.at(path)
        path.unlink()
        return said

    def at(self, path):
        self.count += 1
        self.process.stdin.write(json.dumps([str(path), str(self.folder / f"{self.count}")]) + "\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())

    def close(self):
        self.process.stdin.close()
        self.process.wait()
        self.process.stdout.close()


@pytest.fixture(scope="module")
def importer(tmp_path_factory):
    one = Importer(tmp_path_factory.mktemp("hostile"))
    yield one
    one.close()


def test_there_are_many_of_them():
    assert len(HOSTILE) >= 40


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_file_is_refused_in_words_or_read_right_within_bounds(importer, name):
    hostile = HOSTILE[name]
    said = importer.of(name, hostile.make())
    assert "failed" not in said, said
    if isinstance(hostile.expected, int):
        assert said.get("read") == hostile.expected, said
    elif hostile.expected != "." or "refused" in said:
        assert re.search(hostile.expected, said["refused"]), said
        assert name.split(".")[0] in said["refused"]
        assert len(said["refused"]) < 1_000
        assert said["refused"].isprintable()
    assert said["mebibytes"] < importer.ordinary["mebibytes"] + MAX_MIB, said
    assert said["seconds"] < MAX_TIMES_ORDINARY * max(importer.ordinary["seconds"], 0.2), said


def test_an_ordinary_file_is_read_as_ever(importer):
    assert importer.ordinary["read"] == READ


@pytest.mark.slow
def test_a_million_rows_in_a_hundred_megabytes_pass(importer):
    path = importer.folder / "million.csv"
    with path.open("w") as file:
        file.write("id,text,rating,date\n")
        for number in range(1_000_000):
            text = (
                f"Stay {number} was quiet, the bed was good and the breakfast long; we will return."
            )
            file.write(f'r{number},"{text}",{1 + number % 5},2026-01-{1 + number % 28:02}\n')
    assert path.stat().st_size > 100_000_000
    said = importer.at(path)
    path.unlink()
    assert said.get("read") == 1_000_000, said
    assert said["mebibytes"] < importer.ordinary["mebibytes"] + MAX_MIB, said


@pytest.mark.parametrize("bound", [{"reader_memory_bytes": 1 << 20}, {"reader_seconds": 1}])
def test_what_no_count_foresees_ends_the_reader_and_nothing_else(tmp_path, bound):
    path = tmp_path / "unforeseen.xlsx"
    path.write_bytes(HOSTILE["shared-text.xlsx"].make())
    limits = Limits(workbook_text_bytes=1 << 40, **bound)
    with pytest.raises(ImportFileError, match=r"cannot be read within \d [MG]iB of memory and"):
        plan_import(path, tenant_id="acme", source="shop", limits=limits)


def test_a_reader_ends_with_the_one_who_reads(tmp_path):
    path = tmp_path / "reviews.parquet"
    texts = [f"{text} {number}" for text in TEXTS for number in range(5_000)]
    path.write_bytes(parquet(pa.table({"text": texts})))
    table = plan_import(path, tenant_id="acme", source="shop").files[0].tables[0].records
    chunks = table.chunks(["text"])
    next(chunks)
    (reader,) = [one for one in psutil.Process().children() if "apart" in " ".join(one.cmdline())]
    chunks.close()
    assert not reader.is_running()


# Starts a reader whose file never comes, says which process it is, and waits with it.
STARTER = textwrap.dedent("""
    import sys, tempfile
    from resources.collection.importing.apart import _started
    from resources.collection.importing.limits import Limits

    with tempfile.TemporaryFile() as said:
        with _started("workbook", Limits(), sys.stdin.buffer, said, whole=False) as process:
            print(process.pid, flush=True)
            process.wait()
""")


def test_a_reader_that_waits_or_computes_ends_when_its_parent_is_killed():
    never, held = os.pipe()  # held here, so that the reader waits for ever
    with os.fdopen(never, "rb") as content, os.fdopen(held, "wb"):
        parent = subprocess.Popen(
            [sys.executable, "-c", STARTER], cwd=ROOT, stdin=content, stdout=subprocess.PIPE
        )
        reader = psutil.Process(int(parent.stdout.readline()))
        parent.kill()
        parent.communicate()
        try:
            psutil.wait_procs([reader], timeout=30)
            left = reader.is_running() and reader.status() != psutil.STATUS_ZOMBIE
        except psutil.NoSuchProcess:
            left = False
        if left:
            reader.kill()
    assert not left


def landed(path, lake, limits):
    plan = plan_import(path, tenant_id="acme", source="shop", limits=limits)
    return land(plan, day=date(2026, 3, 2), lake=lake)


def test_all_tables_of_an_archive_share_what_their_file_may_give(tmp_path):
    table = parquet(pa.table({"text": TEXTS * 1_000}))
    limits = Limits(parquet_text_bytes=2 << 20, ratio=1)
    for count, is_refused in ((1, False), (2, True)):
        path = tmp_path / f"{count}.zip"
        path.write_bytes(zipped([(f"{number}.parquet", table) for number in range(count)]))
        lake = Lake(str(tmp_path / f"lake {count}"))
        if is_refused:
            with pytest.raises(ImportFileError, match=r"2\.zip unpacks to more than"):
                landed(path, lake, limits)
        else:
            assert landed(path, lake, limits).records == len(TEXTS) * 1_000


def test_long_records_count_by_their_length_and_over_all_files(tmp_path):
    folder = tmp_path / "files"
    folder.mkdir()
    limits = Limits(excess_characters=1 << 20)
    for number in range(2):
        lines = [{"text": f"{number} {at} " + "good " * 40_000} for at in range(4)]
        (folder / f"{number}.jsonl").write_text("\n".join(map(json.dumps, lines)))
    lake = Lake(str(tmp_path / "lake"))
    with pytest.raises(ImportFileError, match="too many records of more than"):
        landed(folder, lake, limits)
    assert landed(folder / "0.jsonl", lake, limits).records == 4


def test_a_plan_can_be_landed_twice_and_counts_what_it_read_once(tmp_path):
    path = tmp_path / "twice.zip"
    member = CSV.encode() + b"".join(b"stay %d was fine,5\n" % at for at in range(40_000))
    path.write_bytes(zipped([("a.csv", member)]))
    limits = Limits(ratio=1, ratio_counts_from=len(member) + 100)
    plan = plan_import(path, tenant_id="acme", source="shop", limits=limits)
    for name in ("one", "two"):
        report = land(plan, day=date(2026, 3, 2), lake=Lake(str(tmp_path / name)))
        assert report.records == READ + 40_000


def test_a_plan_of_many_files_holds_no_rows_of_them(tmp_path):
    content = [("a.csv", CSV), ("b.jsonl", "\n".join(json.dumps({"text": one}) for one in TEXTS))]
    content += [("c.xlsx", workbook()), ("d.parquet", parquet(pa.table({"text": TEXTS})))]
    path = tmp_path / "many.zip"
    path.write_bytes(zipped(content))
    plan = plan_import(path, tenant_id="acme", source="shop")
    assert [len(table.records.sample()) for table in plan.files[0].tables] == [0] * len(content)

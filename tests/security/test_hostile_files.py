"""Files made to take memory, time or what is not theirs: refused in words, within bounds."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import textwrap
from pathlib import Path

import psutil
import pyarrow as pa
import pytest

from resources.collection.importing import ImportFileError, Limits, plan_import
from tests.hostile_files import CSV, HOSTILE, READ, TEXTS, parquet

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
    with pytest.raises(ImportFileError, match=r"cannot be read within .* bytes of memory and"):
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

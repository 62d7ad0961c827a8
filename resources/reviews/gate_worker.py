"""The process of ``gate``: rows in on standard input, findings out, until the input ends.

Each request is a line of JSON that names the suite and how many bytes follow, and an Arrow file of
that length. The answer is a line of JSON.
"""

from __future__ import annotations

import gc
import json
import os
import sys
from dataclasses import asdict


def main() -> None:
    """Load Great Expectations, then answer requests."""
    # Great Expectations imports PySpark wherever it is installed; these rows are checked in pandas.
    sys.modules["pyspark"] = None  # type: ignore[assignment]
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # what libraries print is no answer
    import polars as pl

    from resources.reviews.suites import load, validate

    gc.disable()  # nothing that is imported becomes garbage, and looking for it takes time
    load()
    gc.freeze()
    gc.enable()
    requests = sys.stdin.buffer
    while header := requests.readline():
        request = json.loads(header)
        frame = pl.read_ipc(requests.read(request["bytes"]))
        findings = validate(request["suite"], frame)
        answers.write(json.dumps([asdict(finding) for finding in findings]).encode() + b"\n")
        answers.flush()


if __name__ == "__main__":
    main()

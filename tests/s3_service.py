"""An S3 service for tests, in a process of its own.

In the tests' process it could not answer while a library waits for it and holds Python's lock.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import boto3

ACCESS = {"s3_access_key_id": "key", "s3_secret_access_key": "secret"}
"""The settings that open the service."""

_SERVE = """
import logging, sys
from moto.server import ThreadedMotoServer
logging.getLogger("werkzeug").setLevel(logging.ERROR)
server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
server.start()
print("http://%s:%s" % server.get_host_and_port(), flush=True)
sys.stdin.read()
"""


@contextmanager
def running_s3() -> Iterator[str]:
    """Run the service; yields its address. It ends with the block, and with this process."""
    command = [sys.executable, "-c", _SERVE]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        address = process.stdout.readline().strip()
        assert address, "the service could not start"
        try:
            yield address
        finally:
            process.kill()


def client(endpoint: str):
    """A client of the service."""
    return boto3.client(
        "s3",
        endpoint_url=endpoint,
        region_name="us-east-1",
        aws_access_key_id=ACCESS["s3_access_key_id"],
        aws_secret_access_key=ACCESS["s3_secret_access_key"],
    )


def download(endpoint: str, bucket: str, folder: Path) -> Path:
    """Copy everything that lies in a bucket into a folder, under its own names."""
    opened = client(endpoint)
    for page in opened.get_paginator("list_objects_v2").paginate(Bucket=bucket):
        for entry in page.get("Contents", []):
            path = folder / entry["Key"]
            path.parent.mkdir(parents=True, exist_ok=True)
            body = opened.get_object(Bucket=bucket, Key=entry["Key"])["Body"]
            path.write_bytes(body.read())
    opened.close()
    return folder


def make_bucket(endpoint: str, name: str) -> None:
    """Make an empty bucket."""
    opened = client(endpoint)
    opened.create_bucket(Bucket=name)
    opened.close()

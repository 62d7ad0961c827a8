"""The log of a server: one line of JSON for each thing that happened, on standard error.

A line holds ``time`` (UTC), ``level``, ``logger`` and ``event``, the fields that were given with
it, and those that are bound for the request that is being served, its ``request_id`` above all.
What people send (passwords, tokens, texts, what they search for) is in no line: errors are told by
kind and place, and by their message only where that speaks of the program or the machine.
"""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime
from itertools import islice
from traceback import extract_tb
from types import TracebackType
from typing import Any

from psycopg import OperationalError
from sqlalchemy.exc import DBAPIError

from resources.errors import ReviewGraphError

OUR_LOGGERS = ("assets", "pipelines", "resources", "serving_api")
_MAX_FRAMES = 30
_MAX_CAUSES = 5

# The message of another kind may quote a value: what could not be read, stored or found.
_TELLING = (
    ReviewGraphError,
    OSError,
    OperationalError,
    RuntimeError,
    TypeError,
    AttributeError,
    MemoryError,
)

_encoder = json.JSONEncoder(default=str)
_bound: ContextVar[dict[str, Any]] = ContextVar("fields of the log", default={})  # noqa: B039 - never changed in place


def log_to_stderr() -> None:
    """Let this process write its log to standard error; whoever starts it says where that leads.

    Of our own modules everything from ``info`` on is written, of libraries only warnings. A second
    call changes nothing.
    """
    if is_server():
        return
    # What no line tells is not gathered for each of them: who called, in which thread and process.
    logging._srcfile = None  # noqa: SLF001 - as the manual of logging advises
    logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines())
    root = logging.getLogger()
    root.addHandler(handler)
    root.setLevel(logging.WARNING)
    for name in OUR_LOGGERS:
        logging.getLogger(name).setLevel(logging.INFO)


def is_server() -> bool:
    """Whether this process writes such a log; else it is a command that speaks to people."""
    handlers = logging.getLogger().handlers
    return any(isinstance(handler.formatter, JsonLines) for handler in handlers)


@contextmanager
def bound(**fields: Any) -> Iterator[None]:
    """Put these fields into every line that is written within the block, in other threads too.

    Threads see them that work for the block with a copy of its context, as those of the API do.
    """
    token = _bound.set({**_bound.get(), **fields})
    try:
        yield
    finally:
        _bound.reset(token)


def fields(**given: Any) -> dict[str, Any]:
    """The ``extra`` of a call to a logger; what is None is left out."""
    return {"fields": {name: value for name, value in given.items() if value is not None}}


class JsonLines(logging.Formatter):
    """Writes a record as one line of JSON in plain ASCII: no value can begin a line of its own."""

    def format(self, record: logging.LogRecord) -> str:
        """The line of a record."""
        line: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "event": record.getMessage(),
            **_bound.get(),
            **getattr(record, "fields", {}),
        }
        if record.exc_info and record.exc_info[1] is not None:
            line["errors"] = [_told(error) for error in _chain(record.exc_info[1])]
        return _encoder.encode(line)


def _chain(error: BaseException) -> Iterator[BaseException]:
    """An error and what led to it, the latest first."""
    return islice(_causes(error), _MAX_CAUSES)


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)


def _told(error: BaseException) -> dict[str, Any]:
    """Kind and place of an error, and its message where that quotes nothing that was sent."""
    kind = type(error)
    told: dict[str, Any] = {"type": f"{kind.__module__}.{kind.__qualname__}"}
    spoken = error.orig if isinstance(error, DBAPIError) else error
    if isinstance(spoken, _TELLING):
        told["message"] = str(spoken)
    told["at"] = _places(error.__traceback__)
    return told


def _places(trace: TracebackType | None) -> list[str]:
    """Where an error passed, the innermost place last."""
    frames = extract_tb(trace)[-_MAX_FRAMES:]
    return [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in frames]

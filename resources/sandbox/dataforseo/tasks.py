"""What the DataForSEO sandbox knows: places, tasks in their states, prices, and its faults."""

from __future__ import annotations

import math
import threading
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any
from urllib.parse import unquote_plus

import orjson

DEPTH_STEP, MAX_DEPTH = 10, 4490
_MAX_TAG, _MAX_KEYWORD = 255, 700
_READY_FOR = timedelta(days=3)
_MAX_READY = 1000
_PRICE_PER_PAGE_USD = 0.00075
_HIGH_PRIORITY = 2

IN_QUEUE, HANDED, DONE, CREATED = 40602, 40601, 20000, 20100
NO_RESULTS = 40102
MESSAGES = {
    20000: "Ok.",
    20100: "Task Created.",
    40006: "You can set no more than 100 tasks at a time.",
    40100: "You are not Authorized to Access this Resource.",
    40101: "Internal SE Server Error.",
    40102: "No Search Results.",
    40103: "Task execution failed.",
    40202: "the rate-limit per minute has been exceeded",
    40401: "Task not found.",
    40402: "Invalid Path.",
    40501: "Invalid Field",
    40502: "POST Data Is Empty.",
    40503: "POST Data Is Invalid.",
    40506: "Unknown Field in POST Data",
    40601: "Task Handed.",
    40602: "Task In Queue.",
    50000: "Internal Error.",
}
_SORTS = {"newest", "highest_rating", "lowest_rating", "relevant"}
_IDENTITY = ("keyword", "cid", "place_id")
_LOCATION = ("location_name", "location_code", "location_coordinate")
_LANGUAGE = ("language_name", "language_code")
_OPTIONAL = ("depth", "sort_by", "priority", "tag", "pingback_url", "postback_url")
_FIELDS = frozenset((*_IDENTITY, *_LOCATION, *_LANGUAGE, *_OPTIONAL))


@dataclass
class Faults:
    """What goes wrong, as shares of requests or tasks; the order follows from the seed.

    Attributes:
        http_500: Requests answered with HTTP 500.
        internal_error: Requests answered with code 50000 at HTTP 200.
        rate_limited: Requests answered with code 40202 at HTTP 200.
        provider_error: Tasks that end in 40101.
        execution_failed: Tasks that end in 40103.
        slow: Requests answered only after ``slow_seconds``.
        upcoming: Faults of the very next requests, in order: ``http_500``, ``internal_error``,
            ``rate_limited``, ``slow``, ``answer_lost`` (done, but answered with HTTP 500) or
            ``none``.
    """

    http_500: float = 0.0
    internal_error: float = 0.0
    rate_limited: float = 0.0
    provider_error: float = 0.0
    execution_failed: float = 0.0
    slow: float = 0.0
    slow_seconds: float = 0.2
    upcoming: deque[str] = field(default_factory=deque)

    def next_for_request(self, random: Random) -> str:
        """The fault of this request, or ``none``."""
        if self.upcoming:
            return self.upcoming.popleft()
        drawn = random.random()
        for name in ("http_500", "internal_error", "rate_limited", "slow"):
            share: float = getattr(self, name)
            if drawn < share:
                return name
            drawn -= share
        return "none"

    def ending_of_task(self, random: Random) -> int:
        """The code in which a task ends."""
        drawn = random.random()
        if drawn < self.provider_error:
            return 40101
        return 40103 if drawn < self.provider_error + self.execution_failed else DONE


@dataclass
class SandboxTask:
    """One task: what was asked, and how far it is."""

    id: str
    data: dict[str, Any]
    cost: float
    ending: int
    posted_at: datetime
    polls: int = 0
    collected: bool = False


class InvalidTaskError(Exception):
    """A task the service refuses, with its status code."""

    def __init__(self, code: int, detail: str) -> None:
        super().__init__(f"{MESSAGES[code]}: '{detail}'.")
        self.code = code


class TaskDesk:
    """Accepts tasks, moves them on with every poll, and hands out results.

    Args:
        world: Folder written by the generator.
        faults: What goes wrong.
        seed: Decides which requests and tasks it hits.
        polls_in_queue: How often a task answers 40602; then ``polls_handed`` times 40601.
    """

    def __init__(
        self,
        world: Path,
        *,
        faults: Faults,
        seed: int = 7,
        polls_in_queue: int = 1,
        polls_handed: int = 1,
    ) -> None:
        self.lock = threading.Lock()
        self.random = Random(seed)  # noqa: S311 - faults, not secrets
        self.faults = faults
        self.tasks: dict[str, SandboxTask] = {}
        self.charged_usd = 0.0
        self._places = list(_read_places(world))
        self._polls_in_queue = polls_in_queue
        self._polls_handed = polls_handed

    def post(self, asked: Mapping[str, Any]) -> SandboxTask:
        """Accept one task and charge for it.

        Raises:
            InvalidTaskError: A field is missing, unknown or wrong.
        """
        data = {name: value for name, value in asked.items() if value is not None}
        _validate(data)
        data["depth"] = _depth(data)
        posted_at = datetime.now(UTC)
        number = len(self.tasks) + 1
        place = self._place(data)
        returned = min(data["depth"], len(place["items"])) if place else 0
        pages = max(math.ceil(returned / DEPTH_STEP), 1)
        cost = pages * _PRICE_PER_PAGE_USD * int(data.get("priority", 1))
        token = f"{self.random.getrandbits(28):07x}{number:05x}"
        task = SandboxTask(
            id=f"{posted_at:%m%d%H%M}-1535-0377-0000-{token}",
            data=data,
            cost=round(cost, 6),
            ending=self.faults.ending_of_task(self.random),
            posted_at=posted_at,
        )
        self.tasks[task.id] = task
        self.charged_usd = round(self.charged_usd + task.cost, 6)
        return task

    def state(self, task: SandboxTask) -> int:
        """The status code the task has now."""
        if task.polls < self._polls_in_queue:
            return IN_QUEUE
        if task.polls < self._polls_in_queue + self._polls_handed:
            return HANDED
        if task.ending == DONE and self._place(task.data) is None:
            return NO_RESULTS
        return task.ending

    def poll(self, task: SandboxTask) -> int:
        """The status code as seen by a client, whose looking moves the task on."""
        code = self.state(task)
        task.polls += 1
        return code

    def ready(self) -> list[SandboxTask]:
        """The completed tasks nobody has collected yet; looking moves the others on."""
        now = datetime.now(UTC)
        ready = [
            task
            for task in self.tasks.values()
            if not task.collected
            and now - task.posted_at < _READY_FOR
            and self.poll(task) not in (IN_QUEUE, HANDED)
        ]
        return ready[:_MAX_READY]

    def result(self, task: SandboxTask) -> dict[str, Any] | None:
        """What a finished task found, in DataForSEO's shape."""
        place = self._place(task.data)
        if place is None:
            return None
        items = _sorted(place["items"], task.data.get("sort_by", "relevant"))
        chosen = items[: task.data["depth"]]
        values = [item["rating"]["value"] for item in place["items"]]
        return {
            "keyword": task.data.get("keyword") or place["keyword"],
            "type": "google_reviews",
            "se_domain": "google.com",
            "location_code": task.data.get("location_code"),
            "language_code": task.data.get("language_code"),
            "check_url": f"https://www.google.example/maps?cid={place['cid']}",
            "datetime": f"{datetime.now(UTC):%Y-%m-%d %H:%M:%S} +00:00",
            "title": place["title"],
            "sub_title": None,
            "rating": {
                "rating_type": "Max5",
                "value": round(sum(values) / len(values), 1) if values else None,
                "votes_count": len(values),
                "rating_max": 5,
            },
            "feature_id": place["feature_id"],
            "place_id": place["place_id"],
            "cid": place["cid"],
            "reviews_count": len(values),
            "items_count": len(chosen),
            "items": [
                {**item, "rank_group": rank, "rank_absolute": rank}
                for rank, item in enumerate(chosen, start=1)
            ],
        }

    def _place(self, data: Mapping[str, Any]) -> dict[str, Any] | None:
        keyword = unquote_plus(str(data.get("keyword", ""))).lower()
        for place in self._places:
            if data.get("place_id", "") == place["place_id"] or data.get("cid", "") == place["cid"]:
                return place
            if keyword and keyword == place["keyword"]:
                return place
        return None


def _read_places(world: Path) -> Iterable[dict[str, Any]]:
    for path in sorted(world.glob("*/google_reviews.json")):
        yield from orjson.loads(path.read_bytes())["places"]


def _validate(data: Mapping[str, Any]) -> None:
    unknown = sorted(set(data) - _FIELDS)
    if unknown:
        raise InvalidTaskError(40506, unknown[0])
    for group in (_IDENTITY, _LOCATION, _LANGUAGE):
        if not any(name in data for name in group):
            raise InvalidTaskError(40501, group[0])
    for name, is_fine in _CHECKS.items():
        if name in data and not is_fine(data[name]):
            raise InvalidTaskError(40501, name)


def _is_text(most: int) -> Callable[[Any], bool]:
    return lambda value: isinstance(value, str) and 0 < len(value) <= most


_CHECKS: dict[str, Callable[[Any], bool]] = {
    "keyword": _is_text(_MAX_KEYWORD),
    "cid": _is_text(_MAX_TAG),
    "place_id": _is_text(_MAX_TAG),
    "language_name": _is_text(_MAX_TAG),
    "language_code": _is_text(_MAX_TAG),
    "tag": _is_text(_MAX_TAG),
    "location_code": lambda value: isinstance(value, int),
    "sort_by": lambda value: value in _SORTS,
    "priority": lambda value: value in (1, _HIGH_PRIORITY),
    "depth": lambda value: isinstance(value, int) and value >= 1,
}


def _depth(data: Mapping[str, Any]) -> int:
    """Rounded up to full pages; whether the service clamps or refuses is not documented."""
    asked = int(data.get("depth", DEPTH_STEP))
    return min(math.ceil(asked / DEPTH_STEP) * DEPTH_STEP, MAX_DEPTH)


def _sorted(items: list[dict[str, Any]], order: str) -> list[dict[str, Any]]:
    if order == "newest":
        return sorted(items, key=lambda item: str(item["timestamp"]), reverse=True)
    if order in ("highest_rating", "lowest_rating"):
        highest_first = order == "highest_rating"
        return sorted(items, key=lambda item: int(item["rating"]["value"]), reverse=highest_first)
    return items

"""Google reviews: one task per source and day, bought once, collected exactly once.

The life of a task is kept in ``dataforseo_tasks`` and survives kill -9 at any point: it is noted as
planned, under a tag that follows from source and day, *before* it is bought; noted as posted, with
its id and cost, after; and as collected only when its rows have landed. A task found planned by a
later run may have been bought: DataForSEO is asked by tag before another one is.

Which text is taken: ``original_review_text`` where there is one, else ``review_text``. The original
is what the customer wrote; ``review_text`` then is a machine's translation, which would cost the
wording that sentiment and topics are read from. The payload keeps both.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any

import orjson
import pyarrow as pa

from resources.collection.dataforseo.client import (
    CREATED,
    NEVER_FINISHES,
    NOTHING_FOUND,
    OK,
    TASKS_PER_POST,
    UNFINISHED,
    AnswerLostError,
    DataForSEOClient,
)
from resources.collection.dataforseo.models import GoogleReview, GoogleReviewsResult, Task
from resources.collection.dataforseo.task_book import CollectableSource, TaskBook, Work
from resources.collection.port import CollectedBatch, SourceFailure
from resources.storage.schemas import RAW_REVIEWS

KIND = "google_reviews"
PATH = "business_data/google/reviews"
ATTEMPTS_PER_DAY = 3  # a failed task is replaced, at new cost, at most so often a day

_ASKED = (
    "keyword",
    "cid",
    "place_id",
    "location_name",
    "location_code",
    "location_coordinate",
    "language_name",
    "language_code",
    "depth",
    "sort_by",
    "priority",
)
_ALL_AT_ONCE = 20  # open tasks up to which each is asked for directly, without the ready list
_DIRECT_EVERY = 5  # rounds: the ready list lags and ends at 1,000, so now and then all are asked
_SLOWER = 1.5
_LONGEST_WAIT = 60.0  # seconds


@dataclass
class _Open:
    """A task bought and not yet collected."""

    source: CollectableSource
    tag: str
    task_id: str
    cost_usd: float


@dataclass
class GoogleReviewsCollector:
    """Buys, waits for and collects the tasks of many sources.

    Args:
        client: A session with DataForSEO.
        work: Opens a transaction that sees all tenants concerned, for example ``database.jobs``.
        first_wait: Seconds between the first looks at unfinished tasks; grows to a minute.
        patience: Seconds after which unfinished tasks are left to the next run.

    Attributes:
        failures: Sources that could not be collected.
        unfinished: Sources whose tasks are left to the next run.
    """

    client: DataForSEOClient
    work: Callable[[], AbstractContextManager[Work]]
    first_wait: float = 5.0
    patience: float = 3600.0
    failures: list[SourceFailure] = field(default_factory=list)
    unfinished: list[SourceFailure] = field(default_factory=list)

    def collect(self, sources: Iterable[CollectableSource], day: date) -> Iterator[CollectedBatch]:
        """Collect each source once for this day, and what earlier days left open.

        Rows must be landed before :func:`note_landed` is called with the batch they came in; a
        source already collected today yields nothing and costs nothing.

        Args:
            sources: Active sources, of any tenants.
            day: The ingestion day.

        Yields:
            Tasks as they finish.

        Raises:
            RefusedError: Nothing can be collected: credentials, funds, limits.
            UnavailableError: DataForSEO does not answer.
            AnswerLostError: It is unknown whether tasks were bought; the next run finds out.
        """
        open_tasks: list[_Open] = []
        to_buy: list[tuple[CollectableSource, str]] = []
        in_doubt: list[tuple[CollectableSource, str]] = []
        for source in sources:
            for tag, status, known in self._notes(source, day):
                if status == "posted" and known is not None:
                    open_tasks.append(known)
                elif status == "doubtful":
                    in_doubt.append((source, tag))
                elif status == "new":
                    to_buy.append((source, tag))
        bought_before, never_bought = self._reconcile(in_doubt, day)
        open_tasks += bought_before
        open_tasks += self._buy([*to_buy, *never_bought])
        yield from self._wait_for(open_tasks, day)

    def _notes(self, source: CollectableSource, day: date) -> list[tuple[str, str, _Open | None]]:
        """What is to be done about a source: tag, posted/doubtful/new, and the task if posted."""
        notes: list[tuple[str, str, _Open | None]] = []
        with self.work() as work:
            for note in work.tasks.open(source_id=source.id):
                if note.day > day:
                    continue
                if note.status == "posted" and note.id:
                    known = _Open(source, note.tag, note.id, note.cost_usd)
                    notes.append((note.tag, "posted", known))
                else:
                    notes.append((note.tag, "doubtful", None))
            tag = self._next_tag(work.tasks, source, day)
            if tag:
                work.tasks.plan(source.tenant_id, tag, day, source.id)
                notes.append((tag, "new", None))
        return notes

    def _next_tag(self, book: TaskBook, source: CollectableSource, day: date) -> str | None:
        """The tag to plan next, or None where today's task is there or all attempts are used."""
        for attempt in range(1, ATTEMPTS_PER_DAY + 1):
            tag = task_tag(source, day, attempt)
            note = book.get(source.tenant_id, tag)
            if note is None:
                return tag
            if note.status != "failed":
                return None
        return None

    def _reconcile(
        self, in_doubt: Sequence[tuple[CollectableSource, str]], day: date
    ) -> tuple[list[_Open], list[tuple[CollectableSource, str]]]:
        """Ask which tasks planned by an earlier run were bought after all."""
        if not in_doubt:
            return [], []
        midnight = datetime(day.year, day.month, day.day, tzinfo=UTC)
        since = min(midnight, datetime.now(UTC)) - timedelta(days=3)
        found = self.client.find_by_tag(PATH, (tag for _, tag in in_doubt), since=since)
        bought: list[_Open] = []
        never_bought: list[tuple[CollectableSource, str]] = []
        todays = f"/{day}/"
        with self.work() as work:
            for source, tag in in_doubt:
                if tag in found:
                    bought.append(self._note_purchase(work, source, tag, found[tag]))
                elif todays in tag:
                    never_bought.append((source, tag))
                else:  # today's task asks for the same reviews
                    work.tasks.failed(source.tenant_id, tag, "It was planned and never bought.")
        return bought, never_bought

    def _buy(self, wanted: Sequence[tuple[CollectableSource, str]]) -> list[_Open]:
        bought: list[_Open] = []
        for start in range(0, len(wanted), TASKS_PER_POST):
            batch = wanted[start : start + TASKS_PER_POST]
            answers = self._post(batch)
            with self.work() as work:
                for (source, tag), answer in zip(batch, answers, strict=True):
                    if answer.status_code == CREATED and answer.id:
                        bought.append(self._note_purchase(work, source, tag, answer))
                    else:
                        self._note_failure(work, source, tag, answer)
        return bought

    def _post(self, batch: Sequence[tuple[CollectableSource, str]]) -> list[Task]:
        """Buy; where the answer is lost, look what was bought and buy the rest, once."""
        tasks = [task_fields(source, tag) for source, tag in batch]
        try:
            return self.client.post_tasks(PATH, tasks)
        except AnswerLostError:
            since = datetime.now(UTC) - timedelta(days=1)
            found = self.client.find_by_tag(PATH, (tag for _, tag in batch), since=since)
            missing = [task for task in tasks if task["tag"] not in found]
            answers = self.client.post_tasks(PATH, missing) if missing else []
            rest = iter(answers)
            return [found.get(task["tag"]) or next(rest) for task in tasks]

    def _wait_for(self, tasks: list[_Open], day: date) -> Iterator[CollectedBatch]:
        """Look again and again until all are finished or patience ends."""
        give_up_at = time.monotonic() + self.patience
        wait, rounds = self.first_wait, 0
        while tasks:
            rounds += 1
            for task in self._worth_asking(tasks, rounds):
                answer = self.client.get_task(PATH, task.task_id)
                if answer.status_code in UNFINISHED:
                    continue
                tasks.remove(task)
                if answer.status_code in (OK, NOTHING_FOUND):
                    yield _collected(task, answer, day)
                elif replacement := self._replace(task, answer, day):
                    tasks.append(replacement)
            if not tasks:
                return
            if time.monotonic() + wait > give_up_at:
                self.unfinished += [_unfinished(task) for task in tasks]
                return
            time.sleep(wait)
            wait = min(wait * _SLOWER, _LONGEST_WAIT)

    def _worth_asking(self, tasks: list[_Open], rounds: int) -> list[_Open]:
        if len(tasks) <= _ALL_AT_ONCE or rounds % _DIRECT_EVERY == 0:
            return list(tasks)
        ready = self.client.ready_tasks(PATH)
        return [task for task in tasks if task.task_id in ready]

    def _replace(self, task: _Open, answer: Task, day: date) -> _Open | None:
        """Note a failure; buy anew where that can help and is not yet done too often."""
        with self.work() as work:
            self._note_failure(work, task.source, task.tag, answer)
            if answer.status_code not in NEVER_FINISHES:
                return None
            tag = self._next_tag(work.tasks, task.source, day)
            if tag is None:
                return None
            work.tasks.plan(task.source.tenant_id, tag, day, task.source.id)
        bought = self._buy([(task.source, tag)])
        if not bought:
            return None
        self.failures.pop()  # the replacement speaks for the source now
        return bought[0]

    def _note_purchase(
        self, work: Work, source: CollectableSource, tag: str, answer: Task
    ) -> _Open:
        task_id, cost = str(answer.id), answer.cost or 0.0
        work.tasks.posted(source.tenant_id, tag, task_id, cost_usd=cost)
        return _Open(source, tag, task_id, cost)

    def _note_failure(self, work: Work, source: CollectableSource, tag: str, answer: Task) -> None:
        reason = (
            f"DataForSEO ended the task of source '{source.name}' with {answer.status_code}: "
            f"{answer.status_message}"
        )
        work.tasks.failed(source.tenant_id, tag, reason)
        self.failures.append(
            SourceFailure(
                tenant_id=source.tenant_id,
                source=source.name,
                reason=reason,
                code=answer.status_code,
            )
        )


def task_tag(source: CollectableSource, day: date, attempt: int = 1) -> str:
    """Our own name for a task: the same for the same source, day and attempt."""
    return f"reviewgraph/{source.tenant_id}/{source.id}/{day}/{attempt}"


def task_fields(source: CollectableSource, tag: str) -> dict[str, Any]:
    """What is posted for a source; fields it does not set are left out."""
    asked = {name: source.config[name] for name in _ASKED if source.config.get(name) is not None}
    return {**asked, "tag": tag}


def note_landed(work: Callable[[], AbstractContextManager[Work]], batch: CollectedBatch) -> None:
    """Note in the task book that a task's rows are in the lake; its receipt is the task's tag."""
    with work() as transaction:
        transaction.tasks.collected(batch.tenant_id, batch.receipt)


def _unfinished(task: _Open) -> SourceFailure:
    reason = f"The task {task.tag} is not finished; the next run collects it."
    return SourceFailure(tenant_id=task.source.tenant_id, source=task.source.name, reason=reason)


def _collected(task: _Open, answer: Task, day: date) -> CollectedBatch:
    cost = task.cost_usd or answer.cost or 0.0
    batch_id = f"dataforseo-{task.task_id}"
    received_at = datetime.now(UTC)
    rows: list[dict[str, Any]] = []
    results = [GoogleReviewsResult.model_validate(found) for found in answer.result or ()]
    for result in results:
        items = [item for item in result.items or () if item is not None]
        rows += [_row(item, result, task.source) for item in items]
    for number, row in enumerate(rows, start=1):
        row |= {
            "day": day,
            "tenant_id": task.source.tenant_id,
            "source": task.source.name,
            "batch_id": batch_id,
            "record_number": number,
            "received_at": received_at,
            "task_id": task.task_id,
            "task_cost_usd": cost,
        }
    claims = [result.reviews_count for result in results if result.reviews_count is not None]
    return CollectedBatch(
        tenant_id=task.source.tenant_id,
        source=task.source.name,
        day=day,
        batch_id=batch_id,
        rows=pa.Table.from_pylist(rows, RAW_REVIEWS.schema),
        task_id=task.task_id,
        cost_usd=cost,
        claimed_count=sum(claims) if claims else None,
        receipt=task.tag,
    )


def _row(
    item: dict[str, Any], result: GoogleReviewsResult, source: CollectableSource
) -> dict[str, Any]:
    review = GoogleReview.model_validate(item)
    rating = review.rating
    hints = {"rating_scale": (rating.scale if rating else None) or 5, "collector": KIND}
    return {
        "hints": orjson.dumps(hints, option=orjson.OPT_SORT_KEYS).decode(),
        "review_id": review.review_id,
        "title": None,
        "text": review.original_review_text or review.review_text,
        "rating": f"{rating.value:g}" if rating and rating.value is not None else None,
        "posted_at": review.timestamp,
        "author": review.profile_name,
        "product": source.config.get("product"),
        "location": source.config.get("location") or result.title,
        "url": review.review_url,
        "language": review.original_language,
        "deleted": None,
        "payload": orjson.dumps(item).decode(),
    }

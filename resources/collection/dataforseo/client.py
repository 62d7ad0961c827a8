"""HTTP to DataForSEO: authentication, envelopes, status codes, and which of them to try again.

Three kinds of trouble are told apart. What may pass (HTTP 5xx, codes 50000 to 50402, 40202, 40209,
no connection) is tried again with growing, jittered waits. What will not pass (wrong credentials,
no funds, wrong fields) raises :class:`RefusedError` at once. And where a purchase was sent but its
answer was lost, :class:`AnswerLostError` is raised instead of buying again: the caller finds out by
tag what was bought. Credentials travel in the Authorization header only and are never logged.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from types import TracebackType
from typing import Any, Self, TypeVar
from urllib.parse import quote

import stamina
from pydantic import ValidationError

from resources.collection.dataforseo.models import Envelope, Task
from resources.errors import ReviewGraphError
from resources.telemetry import RetryBudget, ServiceDownError, breaker_of

OK, CREATED = 20000, 20100
UNFINISHED = frozenset({40601, 40602})  # handed, in queue: both mean keep polling
NOTHING_FOUND = 40102
NEVER_FINISHES = frozenset({40103, 40401, 40403})  # failed, unknown, expired: needs a new task
TASKS_PER_POST = 100

_RATE_LIMITED = frozenset({40202, 40209})
_TRANSIENT = frozenset({50000, 50301, 50303, 50304, 50401, 50402})
_ADVICE = {
    40100: "Check REVIEWGRAPH_DATAFORSEO_LOGIN and REVIEWGRAPH_DATAFORSEO_PASSWORD.",
    40104: "Verify the account in DataForSEO's user panel.",
    40200: "Top up the DataForSEO account.",
    40203: "The account's daily cost limit is reached; it ends with the UTC day.",
    40204: "Subscribe to this API in DataForSEO's user panel.",
    40207: "Allow this machine's address in DataForSEO's user panel.",
    40210: "Top up the DataForSEO account.",
}
_HTTP_UNAUTHORISED, _HTTP_NOT_FOUND, _HTTP_SERVER_ERROR = 401, 404, 500
_ID_LIST_PAGE = 1000

T = TypeVar("T")


class DataForSEOError(ReviewGraphError):
    """DataForSEO did not do what was asked."""


class UnavailableError(DataForSEOError):
    """It may work later: no connection, a server error, a rate limit.

    Attributes:
        rate_limited: Whether a limit per minute was hit.
    """

    def __init__(self, message: str, *, rate_limited: bool = False) -> None:
        super().__init__(message)
        self.rate_limited = rate_limited


class AnswerLostError(DataForSEOError):
    """Tasks were sent, and it is unknown whether they were bought."""


class RefusedError(DataForSEOError):
    """It will not work however often it is tried.

    Attributes:
        code: DataForSEO's status code.
    """

    def __init__(self, message: str, code: int) -> None:
        super().__init__(message)
        self.code = code


class DataForSEOClient:
    """A session with DataForSEO; a context manager.

    Args:
        base_url: ``https://api.dataforseo.com``, or the sandbox's address.
        login: The account's login.
        password: The API password, which differs from the account's.
        timeout: Seconds to wait for a connection, and for an answer.
        attempts: How often a request is tried.
        first_wait: Seconds before the second attempt; doubles with each one, plus jitter.
        rate_limit_wait: Seconds until a limit per minute is over.
    """

    def __init__(
        self,
        base_url: str,
        login: str,
        password: str,
        *,
        timeout: tuple[float, float] = (10.0, 130.0),
        attempts: int = 6,
        first_wait: float = 1.0,
        rate_limit_wait: float = 61.0,
    ) -> None:
        self._base_url = base_url.rstrip("/")
        self._timeout = timeout
        self._attempts = attempts
        self._first_wait = first_wait
        self._rate_limit_wait = rate_limit_wait
        import requests  # every run imports this module, and most of them ask nobody

        self._session = requests.Session()
        self._breaker = breaker_of("dataforseo", slow_seconds=timeout[1])
        self._retries = RetryBudget()
        self._session.trust_env = False  # a .netrc must not replace the credentials
        self._session.auth = (login, password)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._session.close()

    def post_tasks(self, path: str, tasks: Sequence[Mapping[str, Any]]) -> list[Task]:
        """Buy tasks, at most 100.

        Args:
            path: For example ``business_data/google/reviews``.
            tasks: The fields of each task.

        Returns:
            One answer per task, in their order; each is judged by its own status code.

        Raises:
            AnswerLostError: It is unknown whether the tasks were bought.
            RefusedError: The request as a whole was refused.
            UnavailableError: Nothing was bought, and it may work later.
        """
        if len(tasks) > TASKS_PER_POST:
            raise ValueError(f"{len(tasks)} tasks in one request; DataForSEO takes 100.")

        def post() -> list[Task]:
            return self._request("POST", f"{path}/task_post", list(tasks), buys=True)

        answers = self._persist(post)
        if len(answers) != len(tasks):
            raise AnswerLostError(
                f"DataForSEO answered {len(answers)} of {len(tasks)} tasks; run again to reconcile."
            )
        return answers

    def get_task(self, path: str, task_id: str) -> Task:
        """Ask for a task's result; see its status code for whether there is one yet."""
        address = f"{path}/task_get/{quote(task_id, safe='')}"
        return self._persist(lambda: self._request("GET", address))[0]

    def ready_tasks(self, path: str) -> dict[str, str | None]:
        """The tasks that are done and not collected: id to tag, at most 1,000."""
        answers = self._persist(lambda: self._request("GET", f"{path}/tasks_ready"))
        return {str(row["id"]): row.get("tag") for row in _rows(answers) if row.get("id")}

    def find_by_tag(self, path: str, tags: Iterable[str], *, since: datetime) -> dict[str, Task]:
        """Find out which of these tags were bought.

        Args:
            path: As in :meth:`post_tasks`.
            tags: Tags that were, or were not, posted.
            since: The earliest time of posting to look back to, UTC.

        Returns:
            Tag to task (id and cost), for those that exist.
        """
        wanted = set(tags)
        found: dict[str, Task] = {}
        for row in self._posted_since(path.split("/", 1)[0], since):
            tag = (row.get("metadata") or {}).get("tag")
            if tag in wanted and row.get("id"):
                found[tag] = Task(id=row["id"], status_code=CREATED, cost=row.get("cost"))
        if wanted - set(found):
            for task_id, tag in self.ready_tasks(path).items():
                if tag in wanted and tag not in found:
                    found[tag] = Task(id=task_id, status_code=CREATED)
        return found

    def error_messages(self) -> dict[int, str]:
        """DataForSEO's own table of status codes."""
        answers = self._persist(lambda: self._request("GET", "appendix/errors"))
        return {int(row["code"]): str(row["message"]) for row in _rows(answers)}

    def _posted_since(self, api: str, since: datetime) -> Iterable[dict[str, Any]]:
        until = datetime.now(UTC) + timedelta(minutes=5)
        offset = 0
        while True:
            question = {
                "datetime_from": f"{since:%Y-%m-%d %H:%M:%S} +00:00",
                "datetime_to": f"{until:%Y-%m-%d %H:%M:%S} +00:00",
                "limit": _ID_LIST_PAGE,
                "offset": offset,
                "sort": "desc",
                "include_metadata": True,
            }
            body = [question]
            rows = _rows(self._persist(lambda: self._request("POST", f"{api}/id_list", body)))  # noqa: B023
            yield from rows
            if len(rows) < _ID_LIST_PAGE:
                return
            offset += _ID_LIST_PAGE

    def _persist(self, ask: Callable[[], T]) -> T:
        """Try again while trouble may pass."""
        for attempt in stamina.retry_context(
            on=self._wait_before_retry,
            attempts=self._attempts,
            timeout=None,
            wait_initial=self._first_wait,
            wait_max=max(60.0, self._first_wait),
            wait_jitter=self._first_wait,
        ):
            with attempt:
                return ask()
        raise AssertionError("the last attempt returns or raises")

    def _wait_before_retry(self, error: Exception) -> bool | float:
        if not isinstance(error, UnavailableError):
            return False
        if error.rate_limited:
            return self._rate_limit_wait
        return self._retries.take()

    def _request(
        self, method: str, path: str, body: Any = None, *, buys: bool = False
    ) -> list[Task]:
        """Send one request and take the envelope off its answer."""
        import requests

        lost = AnswerLostError if buys else UnavailableError
        try:
            with self._breaker.call(requests.exceptions.RequestException, DataForSEOError):
                answer = self._session.request(
                    method, f"{self._base_url}/v3/{path}", json=body, timeout=self._timeout
                )
                if answer.status_code >= _HTTP_SERVER_ERROR:
                    raise lost(f"DataForSEO answered /v3/{path} with HTTP {answer.status_code}.")
        except ServiceDownError as error:
            raise UnavailableError(str(error)) from None
        except requests.exceptions.ConnectTimeout as error:
            raise UnavailableError(self._unreachable(error)) from error
        except requests.exceptions.ConnectionError as error:
            # Refused before anything was sent, unless the connection broke under way.
            refused = "NewConnectionError" in repr(error)
            raise (UnavailableError if refused else lost)(self._unreachable(error)) from error
        except requests.exceptions.RequestException as error:
            raise lost(self._unreachable(error)) from error
        try:
            envelope = Envelope.model_validate_json(answer.content)
        except ValidationError as error:
            raise lost(
                f"DataForSEO answered /v3/{path} with HTTP {answer.status_code} and something "
                "that is not its JSON envelope."
            ) from error
        self._retries.succeeded()
        return self._open(envelope, answer.status_code, path, lost)

    def _open(
        self, envelope: Envelope, http_status: int, path: str, lost: type[DataForSEOError]
    ) -> list[Task]:
        code = envelope.status_code
        if code == OK and envelope.tasks:
            return envelope.tasks
        if http_status == _HTTP_NOT_FOUND and envelope.tasks:
            return envelope.tasks  # an unknown task: its own code says so
        if code in NEVER_FINISHES:
            return [Task(status_code=code, status_message=envelope.status_message)]
        message = f"DataForSEO answered /v3/{path} with {code}: {envelope.status_message}"
        if code in _RATE_LIMITED:
            raise UnavailableError(message, rate_limited=True)
        if code in _TRANSIENT:
            raise lost(message)
        if http_status == _HTTP_UNAUTHORISED:
            code = 40100
        raise RefusedError(f"{message} {_ADVICE.get(code, '')}".rstrip(), code)

    def _unreachable(self, error: Exception) -> str:
        return (
            f"DataForSEO at {self._base_url} does not answer ({type(error).__name__}). Check "
            "REVIEWGRAPH_DATAFORSEO_URL and the network."
        )


def _rows(tasks: Iterable[Task]) -> list[dict[str, Any]]:
    return [row for task in tasks for row in task.result or ()]

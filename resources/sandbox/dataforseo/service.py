"""The DataForSEO v3 API on loopback, for Google reviews: same paths, codes and envelopes.

The facts behind it (status codes, fields, states, limits) are DataForSEO's published ones; only
the order in which things go wrong is ours, and seeded.
"""

from __future__ import annotations

import base64
import secrets
import time
from collections.abc import Awaitable, Callable, Iterable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import orjson
from fastapi import FastAPI, Request, Response
from starlette.concurrency import run_in_threadpool

from resources.sandbox.dataforseo.tasks import (
    CREATED,
    DONE,
    HANDED,
    IN_QUEUE,
    MESSAGES,
    Faults,
    InvalidTaskError,
    SandboxTask,
    TaskDesk,
)
from resources.sandbox.server import running, serve_until_interrupted

REVIEWS = "/v3/business_data/google/reviews"
DEFAULT_LOGIN, DEFAULT_PASSWORD = "sandbox", "sandbox"
_TASKS_PER_POST = 100
_HTTP_UNAUTHORISED, _HTTP_NOT_FOUND, _HTTP_ERROR = 401, 404, 500


class DataForSEOSandbox:
    """One sandbox: its tasks live as long as it does.

    Args:
        world: Folder written by the generator; its google_reviews.json files are served.
        login: What Basic authentication must say; ``password`` likewise.
        faults: What goes wrong; nothing by default.
        seed: Decides which requests and tasks the faults hit.
        polls_in_queue: How often a task answers 40602 (in queue) when asked for.
        polls_handed: How often it then answers 40601 (handed) before it is done.
    """

    def __init__(
        self,
        world: Path,
        *,
        login: str = DEFAULT_LOGIN,
        password: str = DEFAULT_PASSWORD,
        faults: Faults | None = None,
        seed: int = 7,
        polls_in_queue: int = 1,
        polls_handed: int = 1,
    ) -> None:
        self.login, self.password = login, password
        self.faults = faults or Faults()
        self.desk = TaskDesk(
            world,
            faults=self.faults,
            seed=seed,
            polls_in_queue=polls_in_queue,
            polls_handed=polls_handed,
        )
        self.app = self._build()

    def running(self, *, port: int = 0) -> AbstractContextManager[str]:
        """Serve in a thread; the context's value is the base address."""
        return running(self.app, port=port)

    def serve(self, *, port: int = 0) -> None:
        """Serve until interrupted."""
        serve_until_interrupted(self.app, port=port)

    def _build(self) -> FastAPI:
        app = FastAPI(openapi_url=None, docs_url=None, redoc_url=None)
        app.middleware("http")(self._guard)

        @app.post(f"{REVIEWS}/task_post")
        async def task_post(request: Request) -> Response:
            return self._post(await request.body())

        @app.get(f"{REVIEWS}/tasks_ready")
        @app.get("/v3/business_data/tasks_ready")
        def tasks_ready() -> Response:
            with self.desk.lock:
                listed = [_listed(task) for task in self.desk.ready()]
            return _answer([_plain_task(listed, "tasks_ready")])

        @app.get(f"{REVIEWS}/task_get/{{task_id}}")
        def task_get(task_id: str) -> Response:
            return self._get(task_id)

        @app.post("/v3/business_data/id_list")
        def id_list() -> Response:
            with self.desk.lock:
                listed = [_identified(task, self.desk) for task in self.desk.tasks.values()]
            return _answer([_plain_task(listed, "id_list")])

        @app.get("/v3/appendix/errors")
        def errors() -> Response:
            rows = [{"code": code, "message": text} for code, text in sorted(MESSAGES.items())]
            return _answer([_plain_task(rows, "errors")])

        @app.get("/v3/appendix/user_data")
        def user_data() -> Response:
            money = {"total": 100.0, "balance": round(100.0 - self.desk.charged_usd, 6)}
            return _answer([_plain_task([{"login": self.login, "money": money}], "user_data")])

        @app.api_route("/{path:path}", methods=["GET", "POST"])
        def elsewhere(path: str) -> Response:
            message = f"{MESSAGES[40402]} This sandbox serves {REVIEWS} only, not /{path}."
            return _answer(None, code=40402, message=message, http=_HTTP_NOT_FOUND)

        return app

    async def _guard(
        self, request: Request, proceed: Callable[[Request], Awaitable[Response]]
    ) -> Response:
        """Check who asks, and let go wrong what shall go wrong."""
        if not self._is_authorised(request.headers.get("authorization", "")):
            answer = _answer(None, code=40100, http=_HTTP_UNAUTHORISED)
            answer.headers["WWW-Authenticate"] = 'Basic realm="DataForSEO"'
            return answer
        with self.desk.lock:
            fault = self.faults.next_for_request(self.desk.random)
        if fault == "http_500":
            return Response("Internal Server Error", status_code=_HTTP_ERROR)
        if fault == "internal_error":
            return _answer(None, code=50000)
        if fault == "rate_limited":
            return _answer(None, code=40202)
        if fault == "slow":
            await run_in_threadpool(time.sleep, self.faults.slow_seconds)
        answer = await proceed(request)
        if fault == "answer_lost":
            return Response("Bad Gateway", status_code=502)
        return answer

    def _is_authorised(self, header: str) -> bool:
        expected = base64.b64encode(f"{self.login}:{self.password}".encode()).decode()
        return secrets.compare_digest(header.encode(), f"Basic {expected}".encode())

    def _post(self, body: bytes) -> Response:
        try:
            asked = orjson.loads(body)
        except orjson.JSONDecodeError:
            return _answer(None, code=40503)
        if not isinstance(asked, list) or not all(isinstance(task, dict) for task in asked):
            return _answer(None, code=40503)
        if not asked:
            return _answer(None, code=40502)
        if len(asked) > _TASKS_PER_POST:
            return _answer(None, code=40006)
        with self.desk.lock:
            tasks = [self._post_one(task) for task in asked]
        return _answer(tasks)

    def _post_one(self, asked: dict[str, Any]) -> dict[str, Any]:
        try:
            task = self.desk.post(asked)
        except InvalidTaskError as error:
            return _task(None, error.code, asked, path="task_post", message=str(error))
        return _task(task.id, CREATED, task.data, path="task_post", cost=task.cost)

    def _get(self, task_id: str) -> Response:
        with self.desk.lock:
            task = self.desk.tasks.get(task_id)
            if task is None:
                nothing = _task(task_id, 40401, {}, path="task_get")
                return _answer([nothing], code=40401, http=_HTTP_NOT_FOUND)
            code = self.desk.poll(task)
            result = self.desk.result(task) if code == DONE else None
            task.collected = task.collected or code not in (IN_QUEUE, HANDED)
        found = [result] if result else None
        return _answer([_task(task_id, code, task.data, path="task_get", result=found)])


def _listed(task: SandboxTask) -> dict[str, Any]:
    return {
        "id": task.id,
        "se": "google",
        "se_type": "reviews",
        "date_posted": f"{task.posted_at:%Y-%m-%d %H:%M:%S} +00:00",
        "tag": task.data.get("tag"),
        "endpoint": f"{REVIEWS}/task_get/{task.id}",
    }


def _identified(task: SandboxTask, desk: TaskDesk) -> dict[str, Any]:
    return {
        "id": task.id,
        "url": f"https://api.dataforseo.com{REVIEWS}/task_post",
        "datetime_posted": f"{task.posted_at:%Y-%m-%d %H:%M:%S} +00:00",
        "datetime_done": None,
        "status": MESSAGES[desk.state(task)],
        "cost": task.cost,
        "metadata": task.data,
    }


def _task(
    task_id: str | None,
    code: int,
    data: dict[str, Any],
    *,
    path: str,
    message: str | None = None,
    cost: float = 0.0,
    result: list[dict[str, Any]] | None = None,
) -> dict[str, Any]:
    return {
        "id": task_id or "00000000-0000-0000-0000-000000000000",
        "status_code": code,
        "status_message": message or MESSAGES[code],
        "time": "0.0046 sec.",
        "cost": cost,
        "result_count": len(result or ()),
        "path": ["v3", "business_data", "google", "reviews", path],
        "data": {"api": "business_data", "function": "reviews", "se": "google", **data},
        "result": result,
    }


def _plain_task(rows: list[dict[str, Any]], function: str) -> dict[str, Any]:
    return _task("11220612-1535-0377-0000-000000000000", DONE, {}, path=function, result=rows)


def _answer(
    tasks: Iterable[dict[str, Any]] | None,
    *,
    code: int = DONE,
    message: str | None = None,
    http: int = 200,
) -> Response:
    """The envelope around every answer."""
    listed = None if tasks is None else list(tasks)
    content = {
        "version": "0.1.20261101",
        "status_code": code,
        "status_message": message or MESSAGES[code],
        "time": "0.0100 sec.",
        "cost": round(sum(task["cost"] for task in listed or ()), 6),
        "tasks_count": len(listed or ()),
        "tasks_error": sum(task["status_code"] >= 40000 for task in listed or ()),  # noqa: PLR2004
        "tasks": listed,
    }
    return Response(orjson.dumps(content), status_code=http, media_type="application/json")

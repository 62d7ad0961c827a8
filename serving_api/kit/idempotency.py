"""Requests that may be sent twice: the header ``Idempotency-Key``, and what it promises.

A key is the tenant's. With the same key and body comes the answer of the first time, without a
second effect; with the same key and another body a refusal. Only what succeeded is kept: a request
that was refused may be mended and sent again with its key.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Annotated, TypeVar

from fastapi import Header
from pydantic import BaseModel

from serving_api.kit.auth import TenantSession
from serving_api.kit.errors import Problem

Answer = TypeVar("Answer", bound=BaseModel)

IdempotencyKey = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        min_length=1,
        max_length=255,
        pattern=r"^[!-~]+$",
        description="A name of your choice for this request. Sent again with it within a day, the "
        "request has no second effect and gets the same answer.",
    ),
]
"""The key that a request bears, if any: up to 255 visible ASCII characters."""


def once(
    session: TenantSession,
    key: str | None,
    *,
    operation: str,
    body: BaseModel,
    answer: type[Answer],
    produce: Callable[[], Answer],
) -> Answer:
    """Answer a request that changes something; what a key has been answered before, again.

    Args:
        session: Who asks; its unit of work holds both the effect and the kept answer.
        key: The request's key; without one every request has its effect.
        operation: What is asked for: the operation's name in the API's document.
        body: The request's body.
        answer: The shape of the answer.
        produce: Has the effect and says what is answered.

    Raises:
        Problem: ``idempotency-key-reused`` if the key stands for another request.
    """
    if key is None:
        return produce()
    tenant_id = session.tenant.id
    fingerprint = hashlib.sha256(body.model_dump_json().encode()).hexdigest()
    kept = session.work.idempotency.take(tenant_id, key)
    if kept is None:
        produced = produce()
        session.work.idempotency.keep(
            tenant_id,
            key,
            operation=operation,
            fingerprint=fingerprint,
            answer=produced.model_dump(mode="json"),
        )
        return produced
    if (kept.operation, kept.fingerprint) != (operation, fingerprint):
        raise Problem("idempotency-key-reused")
    return answer.model_validate(kept.answer)

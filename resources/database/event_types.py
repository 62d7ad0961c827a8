"""The kinds of events there are, and what each tells.

A type is a contract with whoever listens: fields may be added to its data, none is taken away. Data
name things by their ids. Neither a review's text nor anything that opens a door belongs into them,
and ``check_event`` refuses the names that such things would have. An event can never be changed, so
it holds nothing that a person has typed either: a name can quote somebody who asks to be forgotten.
Each text is therefore of a closed kind, which ``TEXTS`` names.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

MAX_DATA_BYTES = 16 * 1024

Kind = Literal["string", "integer", "number", "boolean", "array", "object", "null"]

_FORBIDDEN = re.compile(r"password|secret|token|otp|text|author|body", re.IGNORECASE)
_OPEN_NAMES = frozenset({"token_id"})

_ID = re.compile(r"[A-Za-z0-9_:.-]{1,100}")
_WORD = re.compile(r"[a-z][a-z0-9_:.*-]{0,99}")
_MOMENT = re.compile(r"[0-9T:.+Z-]{7,40}")

TEXTS: Mapping[str, re.Pattern[str]] = {
    **dict.fromkeys(("user", "document", "provider", "workspace", "version"), _ID),
    **dict.fromkeys(("from", "to", "subject"), _ID),
    **dict.fromkeys(("role", "plan", "kind", "field", "tier", "reason", "by"), _WORD),
    **dict.fromkeys(("changed", "scopes"), _WORD),
    **dict.fromkeys(("closes_at", "period_start", "period_end", "month"), _MOMENT),
}
"""The fields of data that hold texts, and what they look like: ids, words of ours, and moments."""


@dataclass(frozen=True)
class EventType:
    """One kind of event.

    Attributes:
        meaning: What has happened, in a sentence.
        subject: What the event's subject names.
        data: The fields of its data with their JSON types; each may be missing.
    """

    meaning: str
    subject: str
    data: Mapping[str, tuple[Kind, ...]] = field(default_factory=dict)

    @property
    def schema(self) -> dict[str, Any]:
        """JSON Schema of the data."""
        return {
            "type": "object",
            "description": self.meaning,
            "properties": {name: {"type": list(kinds)} for name, kinds in self.data.items()},
        }


_STRING: tuple[Kind, ...] = ("string",)
_NUMBER: tuple[Kind, ...] = ("integer",)
_DAY_OR_NONE: tuple[Kind, ...] = ("string", "null")

_SOURCE: dict[str, tuple[Kind, ...]] = {
    "kind": _STRING,
    "is_active": ("boolean",),
}
_COVERAGE: dict[str, tuple[Kind, ...]] = {
    "period_start": _DAY_OR_NONE,
    "period_end": _DAY_OR_NONE,
    "workspace": _STRING,
}

EVENT_TYPES: dict[str, EventType] = {
    # Accounts: of no tenant
    "user.registered": EventType("Somebody has made an account.", "the user"),
    "user.verified": EventType("An address has been shown to be the user's.", "the user"),
    "user.password_changed": EventType("A password was changed.", "the user"),
    "user.password_reset": EventType("A password was set anew by a mailed link.", "the user"),
    "user.email_changed": EventType("An account has another address.", "the user"),
    "user.changed": EventType("An account was changed.", "the user", {"changed": ("array",)}),
    "user.disabled": EventType("An account may log in no longer.", "the user"),
    "user.second_factor_enabled": EventType("Log-ins need a second factor.", "the user"),
    "user.second_factor_disabled": EventType("Log-ins need no second factor.", "the user"),
    "user.recovery_code_used": EventType(
        "A recovery code stood in for the second factor.", "the user", {"left": _NUMBER}
    ),
    "session.started": EventType("Somebody has logged in.", "the session", {"user": _STRING}),
    "session.ended": EventType(
        "A session has ended.", "the session", {"user": _STRING, "reason": _STRING}
    ),
    "session.others_ended": EventType(
        "A user has ended all other sessions.", "the user", {"user": _STRING, "ended": _NUMBER}
    ),
    "session.refresh_reused": EventType(
        "What renews a session was shown twice; the session is over.",
        "the session",
        {"user": _STRING},
    ),
    "identity.linked": EventType(
        "An account can log in by an identity provider.", "the user", {"provider": _STRING}
    ),
    # Tenants, and who belongs to them
    "tenant.created": EventType("A tenant was made.", "the tenant", {"plan": _STRING}),
    "tenant.changed": EventType("A tenant was changed.", "the tenant", {"changed": ("array",)}),
    "tenant.closing": EventType("A tenant will be closed.", "the tenant", {"closes_at": _STRING}),
    "tenant.reopened": EventType("A tenant will not be closed after all.", "the tenant"),
    "tenant.suspended": EventType("A tenant was suspended.", "the tenant"),
    "tenant.closed": EventType("A tenant was closed.", "the tenant"),
    "membership.added": EventType("A user belongs to the tenant.", "the user", {"role": _STRING}),
    "membership.changed": EventType("A member has another role.", "the user", {"role": _STRING}),
    "membership.removed": EventType(
        "A user belongs to the tenant no longer.",
        "the user",
        {"role": _STRING, "left": ("boolean",)},
    ),
    "invitation.created": EventType("Somebody was invited.", "the invitation", {"role": _STRING}),
    "invitation.resent": EventType("An invitation was sent again.", "the invitation"),
    "invitation.accepted": EventType("An invitation was accepted.", "the invitation"),
    "invitation.revoked": EventType("An invitation was taken back.", "the invitation"),
    "settings.changed": EventType(
        "A setting was changed.",
        "the setting",
        {"changed": ("array",), "revision": _NUMBER},
    ),
    "limit.approached": EventType(
        "Four fifths of a plan's limit are used.", "the limit", {"limit": _NUMBER, "used": _NUMBER}
    ),
    "limit.reached": EventType(
        "A plan's limit is reached.", "the limit", {"limit": _NUMBER, "used": _NUMBER}
    ),
    "key.created": EventType("An API key was made.", "the key", {"scopes": ("array",)}),
    "key.revoked": EventType("An API key works no longer.", "the key"),
    "ownership.transferred": EventType(
        "The tenant has another owner.", "the user", {"from": _STRING}
    ),
    "tenant.plan_changed": EventType("A tenant has another plan.", "the tenant", {"plan": _STRING}),
    "feature.changed": EventType(
        "A feature was switched.", "the feature", {"is_on": ("boolean", "null")}
    ),
    "workspace.created": EventType("A workspace was made.", "the workspace", {"kind": _STRING}),
    "workspace.changed": EventType("A workspace was changed.", "the workspace", {"kind": _STRING}),
    "workspace.archived": EventType(
        "A workspace was put away.", "the workspace", {"kind": _STRING}
    ),
    "identity_provider.added": EventType(
        "Members can log in by an identity provider.", "the provider"
    ),
    "identity_provider.removed": EventType(
        "An identity provider is asked no longer.", "the provider"
    ),
    "domain.added": EventType("A domain was shown to be the tenant's.", "the domain"),
    "domain.removed": EventType("A domain is the tenant's no longer.", "the domain"),
    # What is collected, and how it is understood
    "source.created": EventType("A source was added.", "the source", _SOURCE),
    "source.changed": EventType("A source was changed.", "the source", _SOURCE),
    "source.paused": EventType("A source is asked no longer.", "the source", _SOURCE),
    "source.resumed": EventType("A source is asked again.", "the source", _SOURCE),
    "source.removed": EventType("A source was removed.", "the source", _SOURCE),
    "reviews.collected": EventType(
        "Reviews have come in.", "the ingestion day", {"reviews": _NUMBER, "batches": _NUMBER}
    ),
    "correction.recorded": EventType(
        "Somebody has corrected what the models said.",
        "the review",
        {"field": _STRING, "revision": _NUMBER},
    ),
    "taxonomy.changed": EventType(
        "Other topics are looked for.", "the version", {"version": _STRING}
    ),
    "lexicon.changed": EventType(
        "Other aspects are looked for.", "the version", {"version": _STRING}
    ),
    "understanding.changed": EventType(
        "Reviews are read with other models.", "the tier", {"tier": _STRING}
    ),
    # Numbers and reports
    "metrics.updated": EventType(
        "New numbers are published.", "the snapshot's version", {"rows": _NUMBER}
    ),
    "report.requested": EventType("A report was asked for.", "the request", _COVERAGE),
    "report.finished": EventType(
        "A report is ready.",
        "the request, or the document where nobody asked",
        {"document": _STRING, "reviews": _NUMBER, **_COVERAGE},
    ),
    "report.failed": EventType("A report could not be made.", "the request"),
    "report.held": EventType(
        "A report is held back, as its numbers cannot be trusted.", "the request"
    ),
    # Privacy
    "privacy.erasure_requested": EventType(
        "It was asked that what a person wrote, or reviews whose time is over, be erased.",
        "the erasure",
        {"subject": _STRING, "kind": _STRING},
    ),
    "privacy.erased": EventType(
        "What a person wrote, or reviews whose time is over, have been erased.", "the erasure"
    ),
    "export.requested": EventType("Everything a tenant has was asked for.", "the export"),
    "export.failed": EventType("Everything a tenant has could not be packed.", "the export"),
    "export.downloaded": EventType("Everything a tenant has was fetched.", "the export"),
    "export.finished": EventType("Everything a tenant has is ready.", "the export"),
}
"""Every kind of event; a test holds that nothing else is written."""


def check_event(kind: str, data: Mapping[str, Any]) -> None:
    """Refuse what must not stand in an event.

    Raises:
        ValueError: If a field's name speaks of a secret or of what people wrote, if a text is of no
            closed kind, or if the data are too long. A mistake of the program, not of a user.
    """
    for name in _names_in(data):
        if _FORBIDDEN.search(name) and name not in _OPEN_NAMES:
            raise ValueError(f"the event {kind} must not hold {name}: name things by their ids")
    for name, said in _texts_in(data):
        if name not in TEXTS or not TEXTS[name].fullmatch(said):
            raise ValueError(f"the event {kind} must not hold a text that people type in {name}")
    if len(json.dumps(data)) > MAX_DATA_BYTES:
        raise ValueError(f"the event {kind} is longer than {MAX_DATA_BYTES} bytes")


def _texts_in(value: Any, name: str = "") -> Iterator[tuple[str, str]]:
    """Each text with the name of the field that it stands in."""
    if isinstance(value, str):
        yield name, value
    elif isinstance(value, Mapping):
        for inner, one in value.items():
            yield from _texts_in(one, str(inner))
    elif isinstance(value, list | tuple):
        for one in value:
            yield from _texts_in(one, name)


def _names_in(value: Any) -> set[str]:
    if isinstance(value, Mapping):
        return {str(name) for name in value}.union(*map(_names_in, value.values()))
    if isinstance(value, list | tuple):
        return set[str]().union(*map(_names_in, value))
    return set()

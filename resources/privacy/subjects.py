"""Who is erased: as asked for, and as a mark that tells the same person again without the name.

A mark is an HMAC under a key of the installation, bound to the tenant. The ledger of erasures holds
nothing else, so that it can be kept for ever, applied again after a restore and compared with what
is imported later, and tells nobody who was erased.
"""

from __future__ import annotations

import base64
import html
import json
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

from resources.errors import WrongUsageError
from resources.keys import ERASED_PERSON, ERASURE, Keys

MarkKind = Literal["author", "account", "record", "content", "key"]

ANY_SOURCE = "*"
"""Stands in a mark for all sources of the tenant, those of the future included."""

CONTENT = ("author", "product", "location", "posted_at", "text", "title", "rating")
"""The raw columns that tell a record without an id of its source from all others."""

ACCOUNT_FIELDS = (
    "author_id", "user_id", "reviewer_id", "profile_id", "profile_url", "author_url", "username",
    "contributor_id",
)  # fmt: skip
"""Fields of a payload in which sources name the account behind a review."""

_MARK_DIGITS = 40
_SEPARATOR = "\x1f"


@dataclass(frozen=True)
class Wanted:
    """Who or what is to be erased.

    Attributes:
        author: The name, however it is spelled; case and spaces do not matter.
        account: The source's own id of the person, where the records hold one.
        review_keys: Single reviews.
        sources: Only there; everywhere when empty.
    """

    author: str | None = None
    account: str | None = None
    review_keys: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        named = [self.author is not None, self.account is not None, bool(self.review_keys)]
        if sum(named) != 1:
            raise WrongUsageError(
                "Say whom to erase in one way: by the author's name, by the source's id of the "
                "author, or by the keys of reviews."
            )
        if self.author is not None and not normal_name(self.author):
            raise WrongUsageError("The author's name is empty. Give it as reviews show it.")

    def to_dict(self) -> dict[str, Any]:
        """As JSON values."""
        return asdict(self)

    @classmethod
    def from_dict(cls, given: Mapping[str, Any]) -> Wanted:
        """From what :meth:`to_dict` wrote."""
        return cls(
            given["author"],
            given["account"],
            tuple(given["review_keys"]),
            tuple(given["sources"]),
        )


def normal_name(name: str) -> str:
    """A name without what differs between two spellings of it: markup, case, width and spaces."""
    plain = unicodedata.normalize("NFKC", html.unescape(name)).casefold()
    kept = "".join(" " if one.isspace() else one for one in plain if one.isspace() or _is_seen(one))
    return " ".join(kept.split())


def _is_seen(character: str) -> bool:
    return unicodedata.category(character) not in {"Cc", "Cf"}


def accounts_in(payload: str | None) -> list[str]:
    """The ids of accounts that a record's payload names, on its first two levels."""
    try:
        record = json.loads(payload or "")
    except (ValueError, RecursionError):
        return []
    if not isinstance(record, dict):
        return []
    levels = [record, *(value for value in record.values() if isinstance(value, dict))]
    found = []
    for number, level in enumerate(levels):
        for name, value in level.items():
            plain = name.strip().lower().replace(" ", "_").replace("-", "_")
            is_account = plain in ACCOUNT_FIELDS or (number and plain == "id")
            if is_account and isinstance(value, str | int) and str(value).strip():
                found.append(str(value).strip())
    return found


class Marker:
    """Makes a tenant's marks.

    Args:
        keys: The installation's keys.
        tenant_id: The tenant; a mark of another tenant is another mark.
    """

    def __init__(self, keys: Keys, tenant_id: str) -> None:
        self._keys = keys
        self._tenant_id = tenant_id

    def author(self, source: str, name: str) -> str:
        """The mark of a name at a source."""
        return self._mark("author", source, normal_name(name))

    def account(self, source: str, account: str) -> str:
        """The mark of an account at a source."""
        return self._mark("account", source, account.strip())

    def record(self, source: str, review_id: str) -> str:
        """The mark of a review that its source has given an id."""
        return self._mark("record", source, review_id.strip())

    def content(self, source: str, values: Iterable[str | None]) -> str:
        """The mark of a review that is known by its content alone, the columns of ``CONTENT``."""
        return self._mark("content", source, *(value or "" for value in values))

    def key(self, review_key: str) -> str:
        """The mark of a review by its key: it is found where no raw record is, as in snapshots."""
        return self._mark("key", review_key)

    def known(self, kind: MarkKind, *parts: str | None) -> set[str]:
        """Every mark by which something may be known: of its source or all, with any key.

        Args:
            kind: The kind of mark.
            *parts: What the method of that name takes, the source first where it takes one.
        """
        spelled = [part or "" for part in parts]
        if kind == "author":
            spelled[1] = normal_name(spelled[1])
        elif kind in {"account", "record"}:
            spelled[1] = spelled[1].strip()
        marks = set(self._marks(kind, *spelled))
        if kind in {"author", "account"}:
            marks |= set(self._marks(kind, ANY_SOURCE, *spelled[1:]))
        return marks

    def _mark(self, kind: MarkKind, *parts: str) -> str:
        return self._marks(kind, *parts)[0]

    def _marks(self, kind: MarkKind, *parts: str) -> list[str]:
        message = _SEPARATOR.join((self._tenant_id, kind, *parts)).encode("utf-8", "surrogatepass")
        signatures = self._keys.signatures(ERASED_PERSON, message)
        return [f"{kind}:{signature.hex()[:_MARK_DIGITS]}" for signature in signatures]


class Sealer:
    """Keeps what an erasure needs until it has ended from whoever reads the database.

    Args:
        keys: The installation's keys.
        tenant_id: The tenant; what was sealed for another cannot be opened.
    """

    def __init__(self, keys: Keys, tenant_id: str) -> None:
        self._keys = keys
        self._tenant_id = tenant_id

    def seal(self, content: Mapping[str, Any]) -> str:
        """JSON values as a text that only this installation can read."""
        plain = json.dumps(content).encode()
        sealed = self._keys.seal(ERASURE, plain, belongs_to=self._tenant_id)
        return base64.b64encode(sealed).decode()

    def open(self, sealed: str) -> dict[str, Any]:
        """What was sealed.

        Raises:
            UnreadableSecretError: It was sealed with another secret key.
        """
        hidden = base64.b64decode(sealed)
        plain = self._keys.unseal(ERASURE, hidden, belongs_to=self._tenant_id)
        content: dict[str, Any] = json.loads(plain)
        return content

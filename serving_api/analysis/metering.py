"""Counting the texts that tenants have analysed, without a write for each request.

Requests add to a count in memory; every few seconds, and when the application ends, what was
counted becomes one entry per tenant. An entry that could not be written is written later, under the
same name, so that nothing is charged twice. What a process has counted and not yet written goes
with it when it is killed: a few seconds of texts, in the tenants' favour.
"""

from __future__ import annotations

import contextlib
import logging
import threading
import uuid
from collections import Counter
from dataclasses import dataclass, field

from resources.database import Database, LimitReachedError, UsageEntry
from resources.logs import fields
from resources.vocabulary import utc_today
from serving_api.kit.auth import TenantSession

FLUSH_SECONDS = 5.0

logger = logging.getLogger(__name__)


@dataclass
class Meter:
    """The counts of one process.

    Attributes:
        database: Where the entries go.
        seconds: After how long what was counted is written.
    """

    database: Database
    seconds: float = FLUSH_SECONDS
    _counts: Counter[str] = field(default_factory=Counter)
    _unwritten: list[UsageEntry] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _writing: threading.Lock = field(default_factory=threading.Lock)
    _ended: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        self._thread = threading.Thread(target=self._work, name="meter", daemon=True)
        self._thread.start()

    def count(self, tenant_id: str, texts: int) -> None:
        """Add to what a tenant has used."""
        with self._lock:
            self._counts[tenant_id] += texts

    def require_room(self, session: TenantSession) -> None:
        """Go on only while the tenant's plan allows texts, those of this process counted.

        A request is let in whole: only the next one is refused.

        Raises:
            LimitReachedError: If all texts of the month are used.
        """
        limit = session.tenant.limits.limit("analyzed_texts_per_month")
        if limit is None:
            return
        with self._lock:
            waiting = self._counts[session.tenant.id]
        used = session.work.limits.used(session.tenant.id, "analyzed_texts_per_month") or 0
        if used + waiting >= limit:
            raise LimitReachedError(
                f"The plan allows {limit:,} texts analysed in a month, and all of them are used.",
                limit_name="analyzed_texts_per_month",
                limit=limit,
                used=used + waiting,
            )

    def flush(self) -> None:
        """Write what was counted; what cannot be written is kept for the next time."""
        with self._writing:
            with self._lock:
                counted, self._counts = self._counts, Counter()
            today = utc_today()
            self._unwritten += [
                UsageEntry(
                    tenant_id=tenant_id,
                    kind="texts_analyzed",
                    subject=str(uuid.uuid4()),
                    quantity=texts,
                    day=today,
                )
                for tenant_id, texts in counted.items()
                if texts
            ]
            while self._unwritten:
                entry = self._unwritten[-1]
                with self.database.work(entry.tenant_id) as work:
                    work.usage.add_all([entry])
                self._unwritten.pop()

    def close(self) -> None:
        """Write the last counts and end."""
        self._ended.set()
        self._thread.join()
        self._try_to_flush()

    def _work(self) -> None:
        while not self._ended.wait(self.seconds):
            self._try_to_flush()

    def _try_to_flush(self) -> None:
        try:
            self.flush()
        except Exception:  # whatever it is, it must not end the counting
            with contextlib.suppress(Exception):
                logger.exception("usage not written", extra=fields(waiting=len(self._unwritten)))

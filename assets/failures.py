"""What goes wrong for one tenant of a run stays with that tenant, and the run says it at its end.

A step that serves one tenant after the other works within ``Failures.kept_apart``: an error ends
that tenant's turn, stands in the ledger with its reason, and the others get theirs. A step whose
outcome others need must not fail for it, or Dagster skips them for everybody: the last step of the
run fails for both.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import MappingProxyType

import dagster as dg

from resources.database import Database, StageRecorder
from resources.errors import ReviewGraphError
from resources.vocabulary import DayRange, Stage

MAX_REASON = 500  # characters; the whole error is in the run's log
_RUN_AGAIN = "What failed stays due: run `reviewgraph backfill` over the same days."
NOBODY: Mapping[str, str] = MappingProxyType({})


class TenantsFailedError(ReviewGraphError):
    """Something went wrong for some tenants of a run; the others have theirs."""


@dataclass
class Failures:
    """The tenants for whom a step of a run went wrong.

    Attributes:
        context: The step.
        database: Where it is recorded.
        recorder: Which stage of which run.
        days: The days of the run.
        reasons: Tenant to what went wrong.
    """

    context: dg.AssetExecutionContext
    database: Database
    recorder: StageRecorder
    days: DayRange
    reasons: dict[str, str] = field(default_factory=dict)

    @contextmanager
    def kept_apart(self, tenant: str) -> Iterator[None]:
        """Keep an error of the block with the tenant whose turn it is, and in the ledger."""
        try:
            yield
        except Exception as error:  # noqa: BLE001 - whatever it is, the others get theirs
            reason = self.note(tenant, error)
            with self.database.jobs() as work:
                self.recorder.record_failed(work, self.days, tenant, reason)

    def note(self, tenant: str, error: Exception) -> str:
        """Log an error and remember it for the end of the run.

        Returns:
            The reason in a line.
        """
        reason = reason_of(error)
        self.reasons[tenant] = reason
        self.context.log.error("%s: %s", tenant, reason, exc_info=error)
        return reason

    def before(self, stage: Stage) -> Mapping[str, str]:
        """The tenants for whom an earlier stage of this run went wrong, with the reasons."""
        run = self.context.run
        with self.database.jobs() as work:
            # A run that goes on from another's failure does not repeat what that one had done.
            return work.ledger.failed_in(stage, {run.run_id, run.root_run_id or run.run_id})

    def is_told_by(self, asset: str) -> bool:
        """Whether a later asset of this run will fail for what went wrong here."""
        selected = self.context.job_def.asset_layer.selected_asset_keys
        with self.database.jobs() as work:
            known = work.ledger.failed_in(self.recorder.stage, {self.context.run.run_id})
        return dg.AssetKey(asset) in selected and self.reasons.keys() <= known.keys()

    def end_the_run(
        self, earlier: Mapping[str, str] = NOBODY, *, what_next: str = _RUN_AGAIN
    ) -> None:
        """Fail if anything went wrong for anybody.

        Args:
            earlier: What went wrong for whom in a step before this one.
            what_next: What to do about it.

        Raises:
            TenantsFailedError: It names the tenants, with the reasons.
        """
        failed = {**earlier, **self.reasons}
        if not failed:
            return
        told = " ".join(f"{tenant}: {reason}" for tenant, reason in sorted(failed.items()))
        noun = "tenant" if len(failed) == 1 else "tenants"
        raise TenantsFailedError(
            f"The run went wrong for {len(failed)} {noun}; all others have theirs. {told} "
            f"Mend the cause; the run's log has the whole errors. {what_next}"
        )


def reason_of(error: Exception) -> str:
    """An error in one line: its message, under its type unless it is one that a user can mend."""
    message = " ".join(str(error).split())
    if not isinstance(error, ReviewGraphError):
        message = f"{type(error).__name__}: {message}"
    return message if len(message) <= MAX_REASON else f"{message[: MAX_REASON - 1]}…"

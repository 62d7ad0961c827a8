"""Feature flags by OpenFeature's interface, so that code asks for a flag and not for our tables.

Who asks names the tenant as the targeting key; without one a flag has its default. Every answer is
read from the database: a switch works with the next question.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import TypeVar

from openfeature.evaluation_context import EvaluationContext
from openfeature.exception import (
    FlagNotFoundError,
    TargetingKeyMissingError,
    TypeMismatchError,
)
from openfeature.flag_evaluation import FlagResolutionDetails, FlagValueType, Reason
from openfeature.provider import AbstractProvider, Metadata

from resources.database.unit_of_work import UnitOfWork

Value = TypeVar("Value")

_REASONS = {
    "tenant": Reason.TARGETING_MATCH,
    "off": Reason.DISABLED,
    "plan": Reason.TARGETING_MATCH,
    "percentage": Reason.SPLIT,
}


class TenantFlags(AbstractProvider):
    """Answers with the flags of the tenant that is asked for. All flags are yes or no.

    Args:
        work_for: Opens a unit of work for a tenant: ``database.work``.
    """

    def __init__(self, work_for: Callable[[str], AbstractContextManager[UnitOfWork]]) -> None:
        super().__init__()
        self._work_for = work_for

    def get_metadata(self) -> Metadata:
        """What this provider is called."""
        return Metadata("reviewgraph")

    def resolve_boolean_details(
        self,
        flag_key: str,
        default_value: bool,  # noqa: ARG002 - the interface's; its client falls back to it
        evaluation_context: EvaluationContext | None = None,
    ) -> FlagResolutionDetails[bool]:
        """Whether the tenant has the flag.

        Raises:
            TargetingKeyMissingError: No tenant is named.
            FlagNotFoundError: There is no such flag.
        """
        tenant_id = evaluation_context.targeting_key if evaluation_context else None
        if not tenant_id:
            raise TargetingKeyMissingError("Name the tenant as the targeting key.")
        with self._work_for(tenant_id) as work:
            decided = work.flags.of_tenant(work.tenants.require(tenant_id)).get(flag_key)
        if decided is None:
            raise FlagNotFoundError(f"There is no flag {flag_key!r}.")
        is_on, reason = decided
        return FlagResolutionDetails(is_on, reason=_REASONS[reason], variant=reason)

    def resolve_string_details(
        self,
        flag_key: str,
        default_value: str,
        evaluation_context: EvaluationContext | None = None,
    ) -> FlagResolutionDetails[str]:
        """Refuse: see :class:`TenantFlags`."""
        return _refuse(flag_key, default_value, evaluation_context)

    def resolve_integer_details(
        self,
        flag_key: str,
        default_value: int,
        evaluation_context: EvaluationContext | None = None,
    ) -> FlagResolutionDetails[int]:
        """Refuse: see :class:`TenantFlags`."""
        return _refuse(flag_key, default_value, evaluation_context)

    def resolve_float_details(
        self,
        flag_key: str,
        default_value: float,
        evaluation_context: EvaluationContext | None = None,
    ) -> FlagResolutionDetails[float]:
        """Refuse: see :class:`TenantFlags`."""
        return _refuse(flag_key, default_value, evaluation_context)

    def resolve_object_details(
        self,
        flag_key: str,
        default_value: Sequence[FlagValueType] | Mapping[str, FlagValueType],
        evaluation_context: EvaluationContext | None = None,
    ) -> FlagResolutionDetails[Sequence[FlagValueType] | Mapping[str, FlagValueType]]:
        """Refuse: see :class:`TenantFlags`."""
        return _refuse(flag_key, default_value, evaluation_context)


def _refuse(
    flag_key: str,
    default_value: Value,  # noqa: ARG001 - gives the answer its type
    context: EvaluationContext | None,  # noqa: ARG001 - the interface's
) -> FlagResolutionDetails[Value]:
    raise TypeMismatchError(f"The flag {flag_key!r} is yes or no.")

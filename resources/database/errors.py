"""What can go wrong between ReviewGraph and its database, in words a user can act on."""

from __future__ import annotations

from resources.errors import ReviewGraphError, WrongUsageError


class DatabaseUnavailableError(ReviewGraphError):
    """The database cannot be reached, or rejects the login."""


class DatabaseSetupError(ReviewGraphError):
    """The database is there, but it cannot be given the roles or tables ReviewGraph needs."""


class EmbeddedServerError(ReviewGraphError):
    """The embedded PostgreSQL cannot be set up, started or stopped."""


class UnknownTenantError(ReviewGraphError):
    """A tenant was named that does not exist."""


class DuplicateError(ReviewGraphError):
    """Something with that name or address exists already."""


class TooManyOpenRequestsError(ReviewGraphError):
    """A tenant has asked for as many reports as may be open at once."""


class SupersededAttemptError(ReviewGraphError):
    """A run wants to end a report request that another attempt has taken over since."""


class TierNotAllowedError(ReviewGraphError):
    """A tenant chose a tier of enrichment that its plan does not allow."""


class RequestInFlightError(ReviewGraphError):
    """A request with the same idempotency key is being worked on."""


class UnknownPlanError(WrongUsageError):
    """A plan was named that does not exist."""


class UnknownMemberError(ReviewGraphError):
    """Somebody was named who does not belong to the tenant."""


class LastOwnerError(ReviewGraphError):
    """A tenant would be left without an owner."""


class TenantRestsError(ReviewGraphError):
    """A tenant is suspended, closing or closed, so nothing is done for it."""


class WrongStatusError(ReviewGraphError):
    """A tenant cannot go from its status to the one that is wanted."""


class StaleVersionError(ReviewGraphError):
    """Something was changed by somebody else since it was read."""


class LimitReachedError(ReviewGraphError):
    """A tenant's plan allows no more of something.

    Attributes:
        limit_name: Of what.
        limit: How much the plan allows.
        used: How much there is.
    """

    def __init__(self, message: str, *, limit_name: str, limit: int, used: int) -> None:
        super().__init__(message)
        self.limit_name = limit_name
        self.limit = limit
        self.used = used

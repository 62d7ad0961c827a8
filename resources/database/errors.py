"""What can go wrong between ReviewGraph and its database, in words a user can act on."""

from __future__ import annotations

from resources.errors import ReviewGraphError


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

"""Setting up second factors and taking them away."""

from __future__ import annotations

from dataclasses import dataclass

import pyotp

from resources.database import UnitOfWork, User
from resources.database.second_factors import STEP_SECONDS
from serving_api.accounts.service import Proof, end_other_ways_in, proven_work
from serving_api.identity.limits import Limits
from serving_api.identity.service import tell
from serving_api.kit.auth import UserSession, user_work
from serving_api.kit.errors import CHALLENGE, Problem
from serving_api.kit.services import Services
from serving_api.kit.tokens import Principal
from serving_api.second_factors.schemas import NewFactor, RecoveryCodes, SecondFactorStatus


@dataclass(frozen=True)
class SecondFactors:
    """What users may do about their second factors. Runs where passwords are hashed.

    Attributes:
        services: What the application stands on.
        limits: How often somebody may fail.
    """

    services: Services
    limits: Limits

    def begin(self, principal: Principal, password: str) -> NewFactor:
        """Make a secret for somebody who has proven again who one is.

        Raises:
            Problem: ``invalid-credentials``; ``second-factor-exists``; ``too-many-requests``.
        """
        proof = Proof(principal, password, None)
        with proven_work(self.services, self.limits, proof, _require_no_factor) as (work, user):
            secret = work.second_factors.begin(user.id)
            tell(work, "user.second_factor_begun", user.id)
        uri = pyotp.TOTP(secret, interval=STEP_SECONDS).provisioning_uri(
            name=user.email, issuer_name="ReviewGraph"
        )
        return NewFactor(secret=secret, uri=uri)

    def confirm(self, principal: Principal, code: str) -> RecoveryCodes:
        """Ask for the factor from now on, if its first code is right; all other sessions end.

        Raises:
            Problem: ``code-not-valid``; ``second-factor-exists``; ``too-many-requests``.
        """
        with user_work(self.services, principal) as (work, user):
            _require_no_factor(work, user)
        counted = self.limits.proof(principal.user_id)
        with user_work(self.services, principal) as (work, user):
            if not work.second_factors.confirm(user.id, code.replace(" ", "")):
                raise Problem("code-not-valid", headers={"WWW-Authenticate": CHALLENGE})
            codes = work.second_factors.replace_recovery_codes(user.id)
            end_other_ways_in(work, user.id, "second_factor_changed", keep=principal.session_id)
            tell(work, "user.second_factor_enabled", user.id)
            work.mail.send("second_factor_enabled", to=user.email, name=user.name)
        self.limits.give_back(counted)
        return RecoveryCodes(recovery_codes=list(codes))

    def renew_recovery_codes(
        self, principal: Principal, password: str, code: str | None
    ) -> RecoveryCodes:
        """Give new recovery codes in place of the old ones.

        Raises:
            Problem: As :meth:`remove`.
        """
        proof = Proof(principal, password, code)
        with proven_work(self.services, self.limits, proof, _require_factor) as (work, user):
            codes = work.second_factors.replace_recovery_codes(user.id)
            tell(work, "user.recovery_codes_renewed", user.id)
        return RecoveryCodes(recovery_codes=list(codes))

    def remove(self, principal: Principal, password: str, code: str | None) -> None:
        """Ask for the password alone from now on; all other sessions end.

        Raises:
            Problem: ``not-found`` without a factor; ``invalid-credentials``; ``code-needed``;
                ``code-not-valid``; ``too-many-requests``.
        """
        proof = Proof(principal, password, code)
        with proven_work(self.services, self.limits, proof, _require_factor) as (work, user):
            work.second_factors.remove(user.id)
            end_other_ways_in(work, user.id, "second_factor_changed", keep=principal.session_id)
            tell(work, "user.second_factor_disabled", user.id)
            work.mail.send("second_factor_removed", to=user.email, name=user.name)


def _require_factor(work: UnitOfWork, user: User) -> None:
    if not work.second_factors.is_asked_of(user.id):
        raise Problem("not-found")


def _require_no_factor(work: UnitOfWork, user: User) -> None:
    if work.second_factors.is_asked_of(user.id):
        raise Problem("second-factor-exists")


def status(session: UserSession) -> SecondFactorStatus:
    """Whether the asking user has a second factor."""
    factors = session.work.second_factors
    return SecondFactorStatus(
        is_enabled=factors.is_asked_of(session.user.id),
        recovery_codes_left=factors.recovery_codes_left(session.user.id),
    )

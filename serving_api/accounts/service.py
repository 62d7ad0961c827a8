"""Making accounts, and changing how one logs in to them."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from resources.database import Database, UnitOfWork, User
from resources.database.sessions import EndReason
from resources.database.users import hash_password, is_password
from resources.passwords import WeakPasswordError, check_choice
from serving_api.identity.limits import Limits
from serving_api.identity.service import take_code, tell
from serving_api.kit.auth import user_work
from serving_api.kit.errors import CHALLENGE, Problem, invalid_parameter
from serving_api.kit.services import Services
from serving_api.kit.tokens import Principal


@dataclass(frozen=True)
class Accounts:
    """What people may do about accounts. Runs where passwords are hashed.

    Attributes:
        services: What the application stands on.
        limits: How often somebody may fail.
    """

    services: Services
    limits: Limits

    @property
    def _database(self) -> Database:
        return self.services.database

    # For strangers ------------------------------------------------------------------------------

    def register(self, email: str, name: str, password: str, client: str) -> None:
        """Make an account whose address is yet to be confirmed; a mail goes out in any case.

        Until somebody confirms the address, whoever registers last has it. The mail goes to the
        address and not to whoever registered, so confirming asks for the password as well: only who
        has both made the account.

        Raises:
            Problem: ``invalid-parameters`` for a password that is too weak; ``too-many-requests``
                for a client that has many mails sent.
        """
        _require_strength(password, email, name)
        is_mailed = self.limits.may_mail("registration", email, client)
        hashed = hash_password(password)  # also where there is such an account: it takes its time
        if not is_mailed:
            return  # what was mailed last works on
        with self._database.work(None) as work:
            user = work.users.add(email, name, hashed)
            known = None if user is not None else work.users.by_email(email)
            if user is not None:
                work.act_as(user.id)
                tell(work, "user.registered", user.id)
                _ask_to_confirm(work, user)
            elif known is not None and known.email_verified_at is None and known.is_active:
                work.act_as(known.id)
                work.users.claim(known.id, name, hashed)
                tell(work, "user.registered", known.id, again=True)
                _ask_to_confirm(work, known)
            else:
                work.mail.send("already_registered", to=email)

    def verify_email(self, token: str, password: str) -> None:
        """Confirm an address with what the mail held and the password of the registration.

        Raises:
            Problem: ``one-time-token-not-valid``; ``invalid-credentials`` for another password, and
                then the token works on; ``too-many-requests`` after some of them.
        """
        with self._database.work(None) as work:
            found = work.one_time_tokens.find("verify_email", token)
        if found is None or found.user_id is None:
            raise Problem("one-time-token-not-valid")
        counted = self.limits.proof(found.user_id)
        with self._database.work(None) as work:
            redeemed = work.one_time_tokens.redeem("verify_email", token)
            work.act_as(found.user_id)
            user = work.users.get(found.user_id)
            if redeemed is None or user is None or not user.is_active:
                raise Problem("one-time-token-not-valid")
            if not is_password(password, user.password_hash):
                raise Problem(
                    "invalid-credentials",
                    "The account was registered with another password. If it is not yours, somebody"
                    " else registered your address after you: choose a password by the link that"
                    " POST /v1/auth/forgot-password sends.",
                    headers={"WWW-Authenticate": CHALLENGE},
                )
            work.users.mark_verified(user.id)
            tell(work, "user.verified", user.id)
        self.limits.give_back(counted)

    def forget_password(self, email: str, client: str) -> None:
        """Send a link to choose another password, or a mail that says there is no account.

        An address that was mailed a few times just now gets no further mail, and its last link
        works on: whoever floods it keeps its owner from nothing.

        Raises:
            Problem: ``too-many-requests`` for a client that has many mails sent.
        """
        is_mailed = self.limits.may_mail("forgotten password", email, client)
        # Nobody needs this hash: beside the time that it takes, nothing tells who has an account.
        hash_password(email)
        if not is_mailed:
            return  # the link that was mailed last works on
        with self._database.work(None) as work:
            user = work.users.by_email(email)
            if user is None or not user.is_active:
                work.mail.send("no_account", to=email)
                return
            work.act_as(user.id)
            token = work.one_time_tokens.issue("reset_password", email=email, user_id=user.id)
            tell(work, "user.password_reset_asked", user.id)
            work.mail.send("reset_password", to=email, token_id=str(token.id))

    def reset_password(self, token: str, password: str) -> None:
        """Choose another password with what the mail held. It logs nobody in.

        So a second factor is asked for at the next log-in as always.

        Raises:
            Problem: ``one-time-token-not-valid``; ``invalid-parameters`` for a password that is too
                weak, and the token works on.
        """
        with self._database.work(None) as work:
            redeemed = work.one_time_tokens.redeem("reset_password", token)
            if redeemed is None or redeemed.user_id is None:
                raise Problem("one-time-token-not-valid")
            work.act_as(redeemed.user_id)
            user = work.users.get(redeemed.user_id)
            if user is None or not user.is_active or user.email != redeemed.email:
                raise Problem("one-time-token-not-valid")
            _require_strength(password, user.email, user.name)
            work.users.set_password_hash(user.id, hash_password(password))
            work.users.mark_verified(user.id)  # the mail has reached its reader
            self.limits.mail_was_read("forgotten password", user.email, within=work)
            self._after_password_change(work, user, "user.password_reset", keep=None)

    def confirm_new_email(self, token: str) -> None:
        """Take over the new address with what the mail to it held; both addresses are told.

        Raises:
            Problem: ``one-time-token-not-valid``; ``address-taken`` if somebody has made an account
                of it meanwhile.
        """
        with self._database.work(None) as work:
            redeemed = work.one_time_tokens.redeem("change_email", token)
            if redeemed is None or redeemed.user_id is None:
                raise Problem("one-time-token-not-valid")
            work.act_as(redeemed.user_id)
            user = work.users.get(redeemed.user_id)
            if user is None or not user.is_active:
                raise Problem("one-time-token-not-valid")
            if not work.users.change_email(user.id, redeemed.email):
                raise Problem("address-taken")
            end_other_ways_in(work, user.id, "email_changed", keep=None)
            tell(work, "user.email_changed", user.id)
            for address in (user.email, redeemed.email):
                work.mail.send("email_changed", to=address, name=user.name)

    # For users who are logged in ----------------------------------------------------------------

    def change_password(
        self, principal: Principal, current: str, password: str, code: str | None
    ) -> None:
        """Choose another password; all other sessions end.

        Raises:
            Problem: ``invalid-credentials``, ``code-needed``, ``code-not-valid``,
                ``invalid-parameters``, ``too-many-requests``.
        """

        def check(_: UnitOfWork, user: User) -> None:
            _require_strength(password, user.email, user.name)

        proof = Proof(principal, current, code)
        with proven_work(self.services, self.limits, proof, check) as (work, user):
            work.users.set_password_hash(user.id, hash_password(password))
            self._after_password_change(
                work, user, "user.password_changed", keep=principal.session_id
            )

    def change_email(
        self, principal: Principal, email: str, current: str, code: str | None, client: str
    ) -> None:
        """Send a link to the new address, and tell the old one. Nothing else changes yet.

        Raises:
            Problem: As :meth:`change_password`.
        """
        proof = Proof(principal, current, code)
        with proven_work(self.services, self.limits, proof) as (work, user):
            self.limits.mail("new address", email, client, within=work)
            token = work.one_time_tokens.issue("change_email", email=email, user_id=user.id)
            tell(work, "user.email_change_asked", user.id)
            work.mail.send("confirm_new_email", to=email, token_id=str(token.id), name=user.name)
            work.mail.send("email_change_asked", to=user.email, name=user.name)

    def _after_password_change(
        self, work: UnitOfWork, user: User, event: str, *, keep: uuid.UUID | None
    ) -> None:
        end_other_ways_in(work, user.id, "password_changed", keep=keep)
        tell(work, event, user.id)
        work.mail.send("password_changed", to=user.email, name=user.name)


@dataclass(frozen=True)
class Proof:
    """What somebody who is logged in proves oneself with again.

    Attributes:
        principal: Who is asking.
        password: The password of now.
        code: A code of the second factor, for whoever has one.
    """

    principal: Principal
    password: str
    code: str | None


def _no_objection(_work: UnitOfWork, _user: User) -> None:
    """Let everybody go on."""


@contextmanager
def proven_work(
    services: Services,
    limits: Limits,
    proof: Proof,
    check: Callable[[UnitOfWork, User], None] = _no_objection,
) -> Iterator[tuple[UnitOfWork, User]]:
    """A unit of work for a user who has just proved again who one is.

    Args:
        services: What the application stands on.
        limits: How often somebody may fail.
        proof: What the user proves oneself with.
        check: Raises for what is refused whoever asks; that counts as no failure.

    Raises:
        Problem: ``unauthenticated``; ``invalid-credentials``; ``code-needed``; ``code-not-valid``;
            ``too-many-requests``; what ``check`` raises.
    """
    with user_work(services, proof.principal) as (work, user):
        check(work, user)
    counted = limits.proof(proof.principal.user_id)
    with user_work(services, proof.principal) as (work, user):
        prove_again(work, user, proof.password, proof.code)
        yield work, user
    limits.give_back(counted)


def prove_again(work: UnitOfWork, user: User, password: str, code: str | None) -> None:
    """Go on only for somebody who knows the password and, if there is one, has the second factor.

    Raises:
        Problem: ``invalid-credentials``; ``code-needed``; ``code-not-valid``.
    """
    if not is_password(password, user.password_hash):
        raise Problem("invalid-credentials", headers={"WWW-Authenticate": CHALLENGE})
    if not work.second_factors.is_asked_of(user.id):
        return
    if not code:
        raise Problem("code-needed")
    take_code(work, user.id, code)


def end_other_ways_in(
    work: UnitOfWork, user_id: uuid.UUID, reason: EndReason, *, keep: uuid.UUID | None
) -> None:
    """End the sessions of a user, but for the one that asks, and every link that was mailed.

    It belongs to each change of how one logs in: whoever could log in before may hold either.
    """
    work.sessions.end_all(user_id, reason, but=keep)
    work.one_time_tokens.revoke_all(user_id)


def _ask_to_confirm(work: UnitOfWork, user: User) -> None:
    token = work.one_time_tokens.issue("verify_email", email=user.email, user_id=user.id)
    work.mail.send("verify_email", to=user.email, token_id=str(token.id))


def _require_strength(password: str, email: str, name: str) -> None:
    try:
        check_choice(password, email=email, name=name)
    except WeakPasswordError as error:
        raise invalid_parameter("body.password", str(error)) from None

"""Second factors: codes that change every half minute (TOTP, RFC 6238), and recovery codes.

The secret that codes are made from is sealed; of recovery codes only signatures are kept. Neither
can be read from a dump of the database. A code works once: the last step that was used is kept, and
no step up to it works again. Computing codes is pyotp's.
"""

from __future__ import annotations

import secrets
import time
import uuid
from dataclasses import dataclass, field
from datetime import datetime

import pyotp
from sqlalchemy import (
    BigInteger,
    Column,
    ForeignKey,
    LargeBinary,
    PrimaryKeyConstraint,
    Table,
    Uuid,
    delete,
    func,
    insert,
    select,
    update,
)

from resources.database.repository import Repository, upsert
from resources.database.schema import TIMESTAMP, created_at, metadata
from resources.database.users import users
from resources.keys import RECOVERY_CODE, Keys

STEP_SECONDS = 30
STEPS_AROUND = 1
"""How many steps before and after the current one are taken: clocks differ, and people type."""

RECOVERY_CODES = 10
RECOVERY_ALPHABET = "23456789abcdefghjkmnpqrstuvwxyz"  # nothing that looks like something else
RECOVERY_LENGTH = 16
_SECRET = "secret of a second factor"  # noqa: S105 - the name of a key's purpose


@dataclass(frozen=True)
class SecondFactor:
    """What a user proves oneself with besides the password.

    Attributes:
        user_id: Whose it is.
        sealed_secret: What codes are made from, encrypted.
        last_step: The half minute since 1970 whose code was used last.
        created_at: When it was begun.
        confirmed_at: When it was shown to work; until then logging in does not ask for it.
    """

    user_id: uuid.UUID
    sealed_secret: bytes = field(repr=False)
    last_step: int
    created_at: datetime
    confirmed_at: datetime | None


second_factors = Table(
    "second_factors",
    metadata,
    Column("user_id", Uuid, ForeignKey(users.c.id, ondelete="CASCADE"), primary_key=True),
    Column("sealed_secret", LargeBinary, nullable=False),
    Column("last_step", BigInteger, nullable=False),
    created_at(),
    Column("confirmed_at", TIMESTAMP),
)

recovery_codes = Table(
    "recovery_codes",
    metadata,
    Column("user_id", Uuid, ForeignKey(users.c.id, ondelete="CASCADE"), nullable=False),
    Column("signature", LargeBinary, nullable=False),
    created_at(),
    Column("used_at", TIMESTAMP),
    PrimaryKeyConstraint("user_id", "signature"),
)


@dataclass(frozen=True)
class SecondFactorRepository(Repository):
    """The second factors. The application works for the one user whose they are.

    Attributes:
        session: The transaction of the unit of work.
        keys: The installation's keys.
    """

    keys: Keys

    def of(self, user_id: uuid.UUID) -> SecondFactor | None:
        """The user's second factor, confirmed or not."""
        return self._one(
            SecondFactor, select(second_factors).where(second_factors.c.user_id == user_id)
        )

    def is_asked_of(self, user_id: uuid.UUID) -> bool:
        """Whether the user has to prove oneself a second time."""
        factor = self.of(user_id)
        return factor is not None and factor.confirmed_at is not None

    def begin(self, user_id: uuid.UUID) -> str:
        """Make a secret for a user, in place of one that was never confirmed; return it."""
        secret = pyotp.random_base32()
        statement = upsert(second_factors).values(
            user_id=user_id,
            sealed_secret=self.keys.seal(_SECRET, secret.encode(), belongs_to=str(user_id)),
            last_step=0,
        )
        self._execute(statement)
        return secret

    def confirm(self, user_id: uuid.UUID, code: str) -> bool:
        """Ask for the factor from now on, if its first code is right."""
        if not self.take_code(user_id, code):
            return False
        self._execute(
            update(second_factors)
            .where(second_factors.c.user_id == user_id)
            .values(confirmed_at=func.now())
        )
        return True

    def take_code(self, user_id: uuid.UUID, code: str, *, now: float | None = None) -> bool:
        """Use up a code, if it is one of now and none as new was used before.

        Args:
            user_id: Whose code it must be.
            code: Six digits.
            now: Seconds since 1970; the clock's when not given.
        """
        factor = self._one(
            SecondFactor,
            select(second_factors).where(second_factors.c.user_id == user_id).with_for_update(),
        )
        if factor is None:
            return False
        secret = self.keys.unseal(_SECRET, factor.sealed_secret, belongs_to=str(user_id)).decode()
        totp = pyotp.TOTP(secret, interval=STEP_SECONDS)
        current = int(time.time() if now is None else now) // STEP_SECONDS
        for step in range(current - STEPS_AROUND, current + STEPS_AROUND + 1):
            is_right = secrets.compare_digest(totp.generate_otp(step).encode(), code.encode())
            if is_right and step > factor.last_step:
                self._execute(
                    update(second_factors)
                    .where(second_factors.c.user_id == user_id)
                    .values(last_step=step)
                )
                return True
        return False

    def replace_recovery_codes(self, user_id: uuid.UUID) -> tuple[str, ...]:
        """Give a user new recovery codes; those of before work no longer. They are shown once."""
        self._execute(delete(recovery_codes).where(recovery_codes.c.user_id == user_id))
        codes = tuple(
            "".join(secrets.choice(RECOVERY_ALPHABET) for _ in range(RECOVERY_LENGTH))
            for _ in range(RECOVERY_CODES)
        )
        self._execute(
            insert(recovery_codes),
            [
                {
                    "user_id": user_id,
                    "signature": self.keys.sign(RECOVERY_CODE, _signed(user_id, code)),
                }
                for code in codes
            ],
        )
        return tuple("-".join(code[i : i + 4] for i in range(0, len(code), 4)) for code in codes)

    def seal_anew(self) -> None:
        """Seal with today's secret key what the previous one sealed, for it to be forgotten."""
        for row in self._execute(select(second_factors).with_for_update()).mappings().all():
            user_id, sealed = row["user_id"], row["sealed_secret"]
            anew = self.keys.sealed_anew(_SECRET, sealed, belongs_to=str(user_id))
            if anew is not None:
                statement = update(second_factors).where(second_factors.c.user_id == user_id)
                self._execute(statement.values(sealed_secret=anew))

    def take_recovery_code(self, user_id: uuid.UUID, code: str) -> bool:
        """Use up a recovery code, if it is one."""
        signatures = self.keys.signatures(RECOVERY_CODE, _signed(user_id, code))
        statement = (
            update(recovery_codes)
            .where(
                recovery_codes.c.user_id == user_id,
                recovery_codes.c.signature.in_(signatures),
                recovery_codes.c.used_at.is_(None),
            )
            .values(used_at=func.now())
            .returning(recovery_codes.c.user_id)
        )
        return self._execute(statement).first() is not None

    def recovery_codes_left(self, user_id: uuid.UUID) -> int:
        """How many recovery codes still work."""
        statement = (
            select(func.count())
            .select_from(recovery_codes)
            .where(recovery_codes.c.user_id == user_id, recovery_codes.c.used_at.is_(None))
        )
        return int(self._execute(statement).scalar_one())

    def remove(self, user_id: uuid.UUID) -> None:
        """Ask the user for the password alone from now on."""
        for table in (recovery_codes, second_factors):
            self._execute(delete(table).where(table.c.user_id == user_id))


def _signed(user_id: uuid.UUID, code: str) -> bytes:
    """What is kept of a recovery code is the signature of this, however it was spelled."""
    plain = code.replace("-", "").replace(" ", "").lower()
    return user_id.bytes + plain.encode()

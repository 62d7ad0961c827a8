"""Asking for an erasure: what is written down until it is carried out, and what others hear of."""

from __future__ import annotations

from resources.database import Erasure, UnitOfWork
from resources.database.erasures import ErasureKind
from resources.privacy.subjects import ANY_SOURCE, Marker, Sealer, Wanted

EVENT = "privacy.erasure_requested"


def ask(
    work: UnitOfWork,
    tenant_id: str,
    wanted: Wanted,
    marker: Marker,
    sealer: Sealer,
    *,
    requested_by: str,
    suppress: bool = True,
) -> Erasure:
    """Write an erasure down; asking for the same again while it is open gives the open one.

    Args:
        work: The transaction.
        tenant_id: Whose reviews.
        wanted: Who is to be erased.
        marker: Makes the tenant's marks.
        sealer: Keeps the name from whoever reads the database.
        requested_by: A user's identifier, or ``command line``.
        suppress: Whether later imports of the same reviews are refused.
    """
    return write_down(
        work,
        tenant_id,
        kind=_kind(wanted),
        subject=subject_of(wanted, marker),
        sealed=sealer.seal({"wanted": wanted.to_dict()}),
        requested_by=requested_by,
        suppress=suppress,
    )


def write_down(
    work: UnitOfWork,
    tenant_id: str,
    *,
    kind: ErasureKind,
    subject: str,
    sealed: str,
    requested_by: str,
    suppress: bool = True,
) -> Erasure:
    """Write an erasure down as ``ErasureRepository.ask`` does; a new one is an event."""
    erasure = work.erasures.ask(
        tenant_id,
        kind=kind,
        requested_by=requested_by,
        subject=subject,
        sealed=sealed,
        suppress=suppress,
    )
    if erasure.attempt == 0:
        work.events.add(
            EVENT,
            str(erasure.id),
            tenant_id=tenant_id,
            data={"subject": erasure.subject, "kind": erasure.kind},
        )
    return erasure


def subject_of(wanted: Wanted, marker: Marker) -> str:
    """The keyed hash of who is wanted: equal for the same person, and no name."""
    where = ",".join(sorted(wanted.sources)) or ANY_SOURCE
    if wanted.author is not None:
        return marker.author(where, wanted.author)
    if wanted.account is not None:
        return marker.account(where, wanted.account)
    return marker.content(where, sorted(wanted.review_keys))


def _kind(wanted: Wanted) -> ErasureKind:
    if wanted.author is not None:
        return "author"
    return "account" if wanted.account is not None else "review"

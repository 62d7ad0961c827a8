"""``reviewgraph erase``: take the person who wrote reviews out of everything."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pipelines.cli import console
from pipelines.cli.options import checked_tenant

if TYPE_CHECKING:
    from pipelines.session import Session
    from resources.database import Erasure
    from resources.privacy.finding import Found
    from resources.privacy.subjects import Wanted

_MAX_SHOWN = 40
_COMMAND_LINE = "command line"


def erase(
    tenant: Annotated[
        str, typer.Option(help="Whose reviews, for example acme.", callback=checked_tenant)
    ],
    author: Annotated[
        str | None, typer.Option(help="Name of the author, as the reviews show it.")
    ] = None,
    author_id: Annotated[
        str | None, typer.Option(help="The source's own id of the author.")
    ] = None,
    review: Annotated[
        list[str] | None, typer.Option(help="Key of a single review; can be repeated.")
    ] = None,
    source: Annotated[
        list[str] | None, typer.Option(help="Only at this source; can be repeated.")
    ] = None,
    dry_run: Annotated[bool, typer.Option(help="Only show what would be erased.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask whether to go on.")] = False,
    suppress: Annotated[
        bool,
        typer.Option(help="Refuse the same reviews when they are imported again."),
    ] = True,
    resume: Annotated[
        bool, typer.Option(help="Go on with the tenant's erasures that are not done.")
    ] = False,
    reapply: Annotated[
        bool, typer.Option(help="After a restore: erase again what was erased before.")
    ] = False,
    receipt: Annotated[
        Path | None, typer.Option(help="Write the receipt, as JSON, to this file.")
    ] = None,
) -> None:
    """Erase a person's reviews: database, lake, snapshots, reports, caches, logs, older versions.

    A person is who has exactly this name (case and spaces aside) at a source. Namesakes look the
    same: --dry-run lists names, accounts, products and places, and --author-id, --source or
    --review choose among them.

    Exit codes: 0 when nothing is left, 1 when something is or a step failed (run it again with
    --resume), 2 for wrong usage.
    """
    from pipelines.session import open_session
    from resources.privacy.subjects import Wanted

    modes = [resume, reapply, author is not None, author_id is not None, bool(review)]
    if sum(modes) != 1:
        raise typer.BadParameter(
            "say whom to erase in one way: --author, --author-id or --review; or --resume or "
            "--reapply"
        )
    wanted = None
    if not (resume or reapply):
        wanted = Wanted(author, author_id, _checked_keys(review), tuple(source or ()))
    with open_session() as session:
        with session.database.jobs() as work:
            work.tenants.require(tenant)
        if reapply:
            _reapply(session, tenant, receipt)
            return
        if wanted is None:
            _resume(session, tenant, receipt)
            return
        found = _look(session, tenant, wanted)
        if found.is_empty:
            console.say(f"Nothing of it is in the reviews of {tenant}: there is nothing to erase.")
        if dry_run:
            return
        if not found.is_empty and not yes:
            typer.confirm("Erase all of this, for ever?", abort=True)
        _erase(session, tenant, wanted, receipt, suppress=suppress)


def _checked_keys(given: list[str] | None) -> tuple[str, ...]:
    for key in given or ():
        if re.fullmatch(r"[0-9a-f]{32}", key) is None:
            raise typer.BadParameter(
                f"{key!r} is not the key of a review: 32 digits from 0 to f, as the API and the "
                "workbook of a report show them.",
                param_hint="--review",
            )
    return tuple(given or ())


def _look(session: Session, tenant: str, wanted: Wanted) -> Found:
    from pipelines.erasing import eraser_of

    found = eraser_of(session).look(tenant, wanted)
    if found.listing:
        console.heading(f"Found in the reviews of {tenant}")
        rows = [(*key, count) for key, count in sorted(found.listing.items())]
        console.table(
            ("source", "author", "account", "product", "place", "records"), rows[:_MAX_SHOWN]
        )
        if len(rows) > _MAX_SHOWN:
            console.say(f"  and {len(rows) - _MAX_SHOWN:,} more lines")
        accounts = {(key[0], key[2]) for key in found.listing if key[2]}
        if len(accounts) > 1:
            console.say(
                f"  These are {len(accounts)} accounts. If they are different people, choose one "
                "with --author-id."
            )
    if not found.is_empty:
        console.say(f"  {found.record_count:,} records of {len(found.review_keys):,} reviews.")
    return found


def _erase(
    session: Session, tenant: str, wanted: Wanted, receipt: Path | None, *, suppress: bool
) -> None:
    from pipelines.erasing import ask_for

    with session.database.jobs() as work:
        asked = ask_for(
            work,
            session.database.keys,
            tenant,
            wanted,
            requested_by=_COMMAND_LINE,
            suppress=suppress,
        )
    _carry_out(session, asked, receipt)


def _resume(session: Session, tenant: str, receipt: Path | None) -> None:
    with session.database.jobs() as work:
        waiting = [one for one in work.erasures.open() if one.tenant_id == tenant]
    if not waiting:
        console.say(f"No erasure of {tenant} waits.")
    for erasure in waiting:
        _carry_out(session, erasure, receipt)


def _reapply(session: Session, tenant: str, receipt: Path | None) -> None:
    from pipelines.erasing import eraser_of

    done = eraser_of(session, on_step=_say_step).reapply(tenant)
    if done is None:
        console.say(f"Nothing that was erased of {tenant} has come back.")
    else:
        _show(done, receipt)


def _carry_out(session: Session, erasure: Erasure, receipt: Path | None) -> None:
    from pipelines.erasing import eraser_of

    console.heading(f"Erasing for {erasure.tenant_id}")
    done = eraser_of(session, on_step=_say_step).carry_out(erasure.tenant_id, erasure.id)
    _show(done, receipt)


def _say_step(name: str) -> None:
    console.say(f"  {_STEPS.get(name, name)}")


_STEPS = {
    "rows": "rows of the lake deleted",
    "ledger": "ledger counted again",
    "database": "database searched and cleared",
    "numbers": "numbers counted and published again",
    "published": "older snapshots and their reports deleted",
    "reports": "reports that were asked for written again",
    "files": "files of the home folder searched and cleared",
    "libraries": "records of runs and queued jobs searched and cleared",
    "versions": "older versions of the lake deleted",
}


def _show(erasure: Erasure, path: Path | None) -> None:
    receipt = erasure.receipt
    console.heading(f"Receipt {erasure.id}")
    console.table(("place", "removed"), sorted(receipt["erased"].items()))
    console.say(
        f"  {receipt['records']:,} records of {receipt['reviews']:,} reviews erased; "
        f"{len(receipt['searched']):,} places searched again, nothing found."
    )
    if left := receipt.get("left"):
        console.heading("Left there, as it is not the person's")
        rows = [(place, one["values"], one["why"]) for place, one in left.items()]
        console.table(("place", "values", "why"), rows)
    if path is not None:
        content = {
            "id": str(erasure.id),
            "tenant": erasure.tenant_id,
            "subject": erasure.subject,
            **receipt,
        }
        path.write_text(json.dumps(content, indent=2), "utf-8")
        console.say(f"  Written to {path}.")

"""Which batches have landed in a lake table: written in the commit that holds their rows.

A batch is a Delta application transaction, so that its rows and the mark that they have landed are
there together or not at all.
"""

from __future__ import annotations

from collections.abc import Collection

from deltalake import DeltaTable, Transaction

from resources.storage.lake_rows import LakeError
from resources.storage.schemas import TableSpec


class BatchesPartlyLandedError(LakeError):
    """Some of the batches of one append have landed before and others have not."""


def landing_of(batches: Collection[str]) -> list[Transaction]:
    """What a commit says of the batches that land with it."""
    return [Transaction(_application_id(batch), 1) for batch in sorted(set(batches))]


def has_landed(table: DeltaTable, batch_id: str) -> bool:
    """Whether a batch has landed in a table."""
    return table.transaction_version(_application_id(batch_id)) is not None


def have_landed(spec: TableSpec, table: DeltaTable, batches: Collection[str]) -> bool:
    """Whether all of some batches have landed in a table; False when there are none.

    Raises:
        BatchesPartlyLandedError: Some have and others have not.
    """
    landed = sorted(batch for batch in batches if has_landed(table, batch))
    if landed and len(landed) < len(set(batches)):
        raise BatchesPartlyLandedError(
            f"{len(landed)} of {len(set(batches))} batches are in table {spec.name} already, "
            f"for example {landed[0]}. Append only the batches that have not landed."
        )
    return bool(landed)


def _application_id(batch_id: str) -> str:
    return f"batch:{batch_id}"

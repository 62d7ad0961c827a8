"""What a gate says of the rows it was shown, one finding for each expectation."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Finding:
    """One expectation and what the data answered.

    Attributes:
        expectation: Its name and columns, for people.
        held: Whether the data met it.
        unexpected_count: Rows that broke it, 0 when it held.
        unexpected_rows: Positions (from 0) of those rows.
    """

    expectation: str
    held: bool
    unexpected_count: int
    unexpected_rows: tuple[int, ...]

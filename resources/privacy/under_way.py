"""What an erasure knows while it goes through its steps."""

from __future__ import annotations

from dataclasses import dataclass, field

from resources.database import Erasure
from resources.privacy.finding import Found
from resources.privacy.searching import Removed


@dataclass
class UnderWay:
    """One erasure under way.

    Attributes:
        erasure: Its record.
        marks: By what the person is known.
        found: All that was found of the person so far.
        removed: What was taken out, of steps done now or earlier.
    """

    erasure: Erasure
    marks: set[str]
    found: Found
    removed: dict[str, Removed] = field(default_factory=dict)

    @property
    def tenant_id(self) -> str:
        """Whose reviews."""
        return self.erasure.tenant_id

    @property
    def is_of_person(self) -> bool:
        """Whether somebody is to be forgotten; else reviews go because of their age."""
        return self.erasure.kind != "retention"

    @property
    def sought(self) -> Found:
        """What is looked for in the words of others.

        Nothing where reviews go because of their age: authors may have written younger ones, and
        what old reviews say stands in young ones, too.
        """
        return self.found if self.is_of_person else Found()

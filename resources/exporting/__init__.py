"""Everything that a tenant has, in one archive that other programs can read.

Belongs here: what goes into the archive and how it is written. Does not belong here: when one is
made, who may have it, and how long it is kept (``database.tenant_exports`` and the API).
"""

from __future__ import annotations

from resources.exporting.archive import ArchivedTenant, write_archive

__all__ = ["ArchivedTenant", "write_archive"]

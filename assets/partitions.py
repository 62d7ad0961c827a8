"""The partitions of the graph: ingestion days, and nothing else.

A partition is a unit of scheduling. The tenant is a column of the data and a key of the ledger, not
a partition: a thousand tenants times three years of days would be eleven times what Dagster
advises. Today is a partition too, since imports arrive during the day.
"""

from __future__ import annotations

import dagster as dg

FIRST_DAY = "2025-01-01"

DAYS = dg.DailyPartitionsDefinition(start_date=FIRST_DAY, timezone="UTC", end_offset=1)

# A range of days is one run, in order: a day's reviews depend on the versions seen before it.
ONE_RUN = dg.BackfillPolicy.single_run()

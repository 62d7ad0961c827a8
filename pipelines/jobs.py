"""The jobs: which assets run together, and how.

All use the in-process executor: importing Great Expectations, dbt and the language models takes
longer than most days' work, and one process pays for it once.
"""

from __future__ import annotations

import dagster as dg

from pipelines.run_processes import leased_in_process_executor

daily_job = dg.define_asset_job(
    "daily_job",
    selection=dg.AssetSelection.all(),
    executor_def=leased_in_process_executor,
    description=(
        "One ingestion day from the sources to the reports. Limit it to some tenants with the run "
        "configuration of the resource `scope`."
    ),
    tags={"dagster/max_retries": "1"},
)

report_job = dg.define_asset_job(
    "report_job",
    selection=dg.AssetSelection.assets("report_document"),
    executor_def=leased_in_process_executor,
    description="Answers report requests from the tenants' current snapshots.",
)

publish_job = dg.define_asset_job(
    "publish_job",
    selection=(
        dg.AssetSelection.groups("metrics", "marts", "marts_staging")
        | dg.AssetSelection.assets("tenant_snapshot", "report_document")
    ),
    executor_def=leased_in_process_executor,
    description=(
        "Counts tenants again whose numbers cannot be read, and publishes and reports them."
    ),
)

JOBS = [daily_job, report_job, publish_job]

"""What runs by the clock."""

import dagster as dg

from pipelines import run_tags
from pipelines.jobs import daily_job


@dg.schedule(
    job=daily_job,
    cron_schedule="0 5 * * *",
    execution_timezone="UTC",
    default_status=dg.DefaultScheduleStatus.RUNNING,
    description="Every day at 05:00 UTC: ask the sources, and carry what came to the reports.",
)
def every_day(context: dg.ScheduleEvaluationContext) -> dg.RunRequest:
    """Request the run of the day on which the schedule fires."""
    day = context.scheduled_execution_time.date().isoformat()
    return dg.RunRequest(
        run_key=day, partition_key=day, tags=run_tags.of(source="schedule", reason="every day")
    )

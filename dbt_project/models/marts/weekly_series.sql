with weeks as (
    select * from {{ ref('int_member_weeks') }}
),

incidents as (
    select * from {{ ref('int_week_incidents') }}
),

topics as (
    select * from {{ ref('int_week_topics') }}
)

select
    weeks.tenant_id,
    weeks.dimension,
    weeks.member,
    weeks.week_start,
    weeks.review_count,
    weeks.rated_count,
    {{ average_rating() }} as average_rating,
    weeks.positive_count,
    weeks.neutral_count,
    weeks.mixed_count,
    weeks.negative_count,
    {{ share("weeks.negative_count", "weeks.annotated_count") }} as negative_share,
    {{ average_score() }} as average_score,
    incidents.baseline_negative_share,
    incidents.incident_z,
    incidents.is_incident,
    topics.top_negative_topic
from weeks
inner join incidents using (tenant_id, dimension, member, week_start)
left join topics using (tenant_id, dimension, member, week_start)
order by weeks.tenant_id, weeks.dimension, weeks.member, weeks.week_start

-- The topic of each week's complaints: the one with the most negative mentions beyond what the
-- member's other weeks would lead one to expect.
with weeks as (
    select
        *,
        sum(annotated_count) over (partition by tenant_id, dimension, member) as annotated_total
    from {{ ref('int_member_weeks') }}
),

topic_weeks as (
    select
        *,
        sum(negative_count) over (partition by tenant_id, dimension, member, topic)
            as negative_total
    from {{ ref('int_member_topics') }}
    where week_start is not null
),

excesses as (
    select
        topic_weeks.tenant_id,
        topic_weeks.dimension,
        topic_weeks.member,
        topic_weeks.week_start,
        topic_weeks.topic,
        topic_weeks.negative_count - coalesce(
            weeks.annotated_count
            * (topic_weeks.negative_total - topic_weeks.negative_count)
            / nullif((weeks.annotated_total - weeks.annotated_count)::double, 0),
            0
        ) as excess
    from topic_weeks
    inner join weeks using (tenant_id, dimension, member, week_start)
    where topic_weeks.negative_count >= 2
)

select
    tenant_id,
    dimension,
    member,
    week_start,
    topic as top_negative_topic
from excesses
where excess > 0
qualify
    row_number() over (
        partition by tenant_id, dimension, member, week_start
        order by excess desc, topic
    ) = 1
order by tenant_id, dimension, member, week_start

select
    tenant_id,
    topic,
    week_start,
    mention_count,
    negative_count
from {{ ref('int_member_topics') }}
where dimension = 'all' and week_start is not null
order by tenant_id, topic, week_start

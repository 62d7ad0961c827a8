with daily_label_facts as (
    select * from {{ source('lake', 'daily_label_facts') }}
)

select
    tenant_id,
    source,
    product,
    posted_day,
    label_kind,
    label,
    mention_count,
    rated_count,
    rating_sum_milli,
    positive_count,
    neutral_count,
    mixed_count,
    negative_count,
    score_sum_micro,
    positive_count + neutral_count + mixed_count + negative_count as annotated_count
from daily_label_facts

with daily_facts as (
    select * from {{ source('lake', 'daily_facts') }}
)

select
    tenant_id,
    source,
    product,
    location,
    language,
    posted_day,
    has_posted_date,
    review_count,
    rated_count,
    rating_sum_milli,
    rating_square_sum_micro,
    rating_1_count,
    rating_2_count,
    rating_3_count,
    rating_4_count,
    rating_5_count,
    positive_count,
    neutral_count,
    mixed_count,
    negative_count,
    score_sum_micro,
    positive_count + neutral_count + mixed_count + negative_count as annotated_count
from daily_facts

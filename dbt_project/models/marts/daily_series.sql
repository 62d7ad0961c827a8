with member_days as (
    select * from {{ ref('int_member_days') }}
    where has_posted_date and dimension in ('all', 'product')
)

select
    tenant_id,
    dimension,
    member,
    posted_day as day,
    review_count,
    rated_count,
    {{ average_rating() }} as average_rating,
    positive_count,
    neutral_count,
    mixed_count,
    negative_count,
    {{ share("negative_count", "annotated_count") }} as negative_share,
    {{ average_score() }} as average_score
from member_days
order by tenant_id, dimension, member, posted_day

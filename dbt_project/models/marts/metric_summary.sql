with members as (
    select
        tenant_id,
        dimension,
        member,
        {{ sums_of(review_measures()) }},
        min(posted_day) filter (where has_posted_date) as first_day,
        max(posted_day) filter (where has_posted_date) as last_day
    from {{ ref('int_member_days') }}
    group by all
)

select
    tenant_id,
    dimension,
    member,
    review_count,
    rated_count,
    {{ average_rating() }} as average_rating,
    {{ mean_interval_bound("-") }} as average_rating_low,
    {{ mean_interval_bound("+") }} as average_rating_high,
    annotated_count,
    positive_count,
    neutral_count,
    mixed_count,
    negative_count,
    {{ share("positive_count", "annotated_count") }} as positive_share,
    {{ wilson_bound("positive_count", "annotated_count", "-") }} as positive_share_low,
    {{ wilson_bound("positive_count", "annotated_count", "+") }} as positive_share_high,
    {{ share("negative_count", "annotated_count") }} as negative_share,
    {{ wilson_bound("negative_count", "annotated_count", "-") }} as negative_share_low,
    {{ wilson_bound("negative_count", "annotated_count", "+") }} as negative_share_high,
    {{ average_score() }} as average_score,
    first_day,
    last_day
from members
order by tenant_id, dimension, review_count desc, member

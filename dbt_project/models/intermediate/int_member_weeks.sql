-- The dated reviews of a tenant and of each product by week; weeks begin on Mondays.
with dated_days as (
    select
        *,
        date_trunc('week', posted_day)::date as week_start
    from {{ ref('int_member_days') }}
    where has_posted_date and dimension in ('all', 'product')
)

select
    tenant_id,
    dimension,
    member,
    week_start,
    {{ sums_of(review_measures()) }}
from dated_days
group by all
order by tenant_id, dimension, member, week_start

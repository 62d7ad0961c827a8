{{ config(meta={'dagster': {'ref': {'name': 'rating_distribution'}}}) }}
-- The stars of each member hold all its rated reviews.
with stars as (
    select
        tenant_id,
        dimension,
        member,
        sum(review_count) as rated_count
    from {{ ref('rating_distribution') }}
    group by all
)

select summary.*
from {{ ref('metric_summary') }} as summary
left join stars using (tenant_id, dimension, member)
where summary.rated_count <> coalesce(stars.rated_count, 0)

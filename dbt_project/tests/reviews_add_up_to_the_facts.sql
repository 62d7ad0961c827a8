{{ config(meta={'dagster': {'ref': {'name': 'reviews'}}}) }}
-- The published reviews are exactly those that were counted.
with counted as (
    select
        tenant_id,
        sum(review_count) as review_count
    from {{ ref('stg_daily_facts') }}
    group by all
),

published as (
    select
        tenant_id,
        count(*) as review_count
    from {{ ref('reviews') }}
    group by all
)

select
    counted.tenant_id as counted_tenant,
    published.tenant_id as published_tenant,
    review_count
from counted
full outer join published using (tenant_id, review_count)
where counted.tenant_id is null or published.tenant_id is null

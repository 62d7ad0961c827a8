{{ config(meta={'dagster': {'ref': {'name': 'weekly_series'}}}) }}
-- The days and the weeks of a tenant hold all its dated reviews, and nothing else.
with dated as (
    select
        tenant_id,
        sum(review_count) as review_count
    from {{ ref('stg_daily_facts') }}
    where has_posted_date
    group by all
),

series as (
    {%- for series in ["daily_series", "weekly_series"] %}
    select
        '{{ series }}' as series,
        tenant_id,
        sum(review_count) as review_count
    from {{ ref(series) }}
    where dimension = 'all'
    group by all
    {{ "union all" if not loop.last }}
    {%- endfor %}
)

select series.*
from series
left join dated using (tenant_id, review_count)
where dated.tenant_id is null

{{ config(meta={'dagster': {'ref': {'name': 'metric_summary'}}}) }}
-- Every tenant's total, and the sums over its sources and over its languages, are the facts' own.
with facts as (
    select
        tenant_id,
        {{ sums_of(["review_count", "rated_count", "annotated_count", "negative_count"]) }}
    from {{ ref('stg_daily_facts') }}
    group by all
),

members as (
    select
        tenant_id,
        dimension,
        {{ sums_of(["review_count", "rated_count", "annotated_count", "negative_count"]) }}
    from {{ ref('metric_summary') }}
    where dimension in ('all', 'source', 'language')
    group by all
)

select members.*
from members
full outer join facts
    using (tenant_id, review_count, rated_count, annotated_count, negative_count)
where members.tenant_id is null or facts.tenant_id is null

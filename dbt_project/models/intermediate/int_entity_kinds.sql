-- What each name stands for; where reviews disagree, what most of them say.
with mentions as (
    select
        tenant_id,
        unnest(entities) as label,
        unnest(entity_kinds) as kind
    from {{ ref('stg_current_reviews') }}
)

select
    tenant_id,
    label,
    kind
from mentions
where label is not null and kind is not null
group by tenant_id, label, kind
qualify
    row_number() over (
        partition by tenant_id, label
        order by count(*) desc, kind
    ) = 1
order by tenant_id, label

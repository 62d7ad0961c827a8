with entities as (
    {{ most_mentioned("entity") }}
),

kinds as (
    select * from {{ ref('int_entity_kinds') }}
)

select
    entities.tenant_id,
    entities.label,
    kinds.kind,
    entities.mention_count,
    entities.positive_count,
    entities.negative_count,
    {{ average_score() }} as average_score,
    {{ average_rating() }} as average_rating
from entities
left join kinds using (tenant_id, label)
order by entities.tenant_id, entities.mention_count desc, entities.label

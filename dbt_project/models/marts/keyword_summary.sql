with keywords as (
    {{ most_mentioned("keyword") }}
)

select
    tenant_id,
    label,
    mention_count,
    positive_count,
    negative_count,
    {{ average_score() }} as average_score,
    {{ average_rating() }} as average_rating
from keywords
order by tenant_id, mention_count desc, label

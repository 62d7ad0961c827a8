{#- The labels of one kind that a tenant's reviews mention most. -#}
{% macro most_mentioned(label_kind) -%}
select
    tenant_id,
    label,
    {{ sums_of(["mention_count"] + mention_measures()) }}
from {{ ref('stg_daily_label_facts') }}
where label_kind = '{{ label_kind }}'
group by tenant_id, label
qualify
    row_number() over (partition by tenant_id order by sum(mention_count) desc, label)
    <= {{ var('labels_listed') }}
{%- endmacro %}

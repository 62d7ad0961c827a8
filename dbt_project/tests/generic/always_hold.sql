{% test always_hold(model, statements) %}
-- Statements about each row are true or, where a value is missing, not decided. One query for all
-- of a model's statements: a run pays for each query.
{%- for name, statement in statements.items() %}
select
    '{{ name }}' as broken,
    count(*) as row_count
from {{ model }}
where not ({{ statement }})
having count(*) > 0
{{ "union all" if not loop.last }}
{%- endfor %}
{% endtest %}

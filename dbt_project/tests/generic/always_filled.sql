{% test always_filled(model, columns) %}
-- None of the columns is ever null. One query for all of them: a run pays for each query.
select {{ columns | join(", ") }}
from {{ model }}
where {% for column in columns %}{{ column }} is null{{ " or " if not loop.last }}{% endfor %}
{% endtest %}

{#- Exact sums in thousandths and millionths, divided once; null where nothing can be divided. -#}

{% macro average_rating() %}rating_sum_milli / nullif(1e3 * rated_count, 0){% endmacro %}

{% macro average_score() %}score_sum_micro / nullif(1e6 * annotated_count, 0){% endmacro %}

{% macro share(part, whole) %}{{ part }} / nullif({{ whole }}::double, 0){% endmacro %}

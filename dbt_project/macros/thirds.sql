{#- The two ends of a product's time: their exact sums, mean rating and squared standard error. -#}

{% macro third_sums(name, condition) %}
{%- for measure in ["rated_count", "rating_sum_milli", "rating_square_sum_micro"] %}
    coalesce(sum({{ measure }}) filter (where {{ condition }}), 0)::bigint
        as {{ name }}_{{ measure }}{{ "," if not loop.last }}
{%- endfor %}
{% endmacro %}

{% macro third_average(name) -%}
{{ name }}_rating_sum_milli / nullif(1e3 * {{ name }}_rated_count, 0)
{%- endmacro %}

{% macro third_error(name) -%}
({{ variance(
    name ~ "_rated_count", name ~ "_rating_sum_milli", name ~ "_rating_square_sum_micro"
) }}) / {{ name }}_rated_count
{%- endmacro %}

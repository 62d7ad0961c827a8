{#- The median of a sorted list without the value at a position, in constant time: comparing each
    week with all others of its member would take time with the square of the weeks. A null position
    takes nothing out. Null where nothing is left. -#}
{% macro median_without(sorted_values, position) -%}
{%- set count = "(len(" ~ sorted_values ~ ") - (" ~ position ~ " is not null)::int)" -%}
(
    {{ nth_without(sorted_values, position, "(" ~ count ~ " + 1) // 2") }}
    + {{ nth_without(sorted_values, position, "(" ~ count ~ " + 2) // 2") }}
) / 2
{%- endmacro %}

{% macro nth_without(sorted_values, position, n) -%}
{{ sorted_values }}[{{ n }} + coalesce({{ position }} <= {{ n }}, false)::int]
{%- endmacro %}

{#- Sums of whole numbers, kept as bigint: DuckDB would widen them to 128 bits, which Parquet lacks.
    They are divided only where they are published, so every total is exact. -#}

{% macro sums_of(columns) %}
{%- for column in columns %}
    sum({{ column }})::bigint as {{ column }}{{ "," if not loop.last }}
{%- endfor %}
{% endmacro %}

{% macro sentiment_counts() %}
{{- return(["positive_count", "neutral_count", "mixed_count", "negative_count"]) -}}
{% endmacro %}

{% macro mention_measures() %}
{{- return(
    sentiment_counts() + ["annotated_count", "score_sum_micro", "rated_count", "rating_sum_milli"]
) -}}
{% endmacro %}

{% macro review_measures() %}
{{- return(
    ["review_count"] + mention_measures() + ["rating_square_sum_micro"]
    + ["rating_1_count", "rating_2_count", "rating_3_count", "rating_4_count", "rating_5_count"]
) -}}
{% endmacro %}

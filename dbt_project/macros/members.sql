{#- What a tenant's reviews are broken down by. Reviews without a product (or location) belong to no
    product: they count under dimension "all" only. -#}
{% macro dimensions() %}
{{- return(["all", "source", "product", "location", "language"]) -}}
{% endmacro %}

{% macro member_of(dimension) %}
{{- "'all'" if dimension == "all" else dimension -}}
{% endmacro %}

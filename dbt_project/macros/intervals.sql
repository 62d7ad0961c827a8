{#- Bounds are rounded to six digits: they go through square roots and powers, whose last digits
    differ between C libraries, and the same reviews must give the same bytes everywhere. -#}

{#- Each bound asks first whether there is one: least and greatest of DuckDB pass over nulls. -#}

{#- The 97.5% point of Student's t.

    Exact for 1 to 9 degrees of freedom (fractions count as the whole number below, which errs to the
    wide side); above, the expansion of Abramowitz and Stegun, Handbook of Mathematical Functions
    (1964), 26.7.5, with its polynomials evaluated at 1.959964. Its error is below 0.00001. -#}
{% macro t_quantile(degrees) -%}
case
    when {{ degrees }} >= 10 then
        1.959963985
        + (2.372271230 + (2.822498616 + (2.555849679 + 1.589534053 / {{ degrees }})
        / {{ degrees }}) / {{ degrees }}) / {{ degrees }}
    when {{ degrees }} >= 9 then 2.262157163
    when {{ degrees }} >= 8 then 2.306004135
    when {{ degrees }} >= 7 then 2.364624252
    when {{ degrees }} >= 6 then 2.446911851
    when {{ degrees }} >= 5 then 2.570581836
    when {{ degrees }} >= 4 then 2.776445105
    when {{ degrees }} >= 3 then 3.182446305
    when {{ degrees }} >= 2 then 4.302652730
    when {{ degrees }} >= 1 then 12.706204736
end
{%- endmacro %}

{#- The sample variance from a count, a sum in thousandths and a sum of squares in millionths.
    The numerator is a difference of whole numbers of 128 bits: nothing cancels. -#}
{% macro variance(count, sum_milli, square_sum_micro) -%}
({{ count }}::hugeint * {{ square_sum_micro }} - {{ sum_milli }}::hugeint * {{ sum_milli }})
/ nullif(1e6 * {{ count }} * ({{ count }} - 1), 0)
{%- endmacro %}

{#- One bound of the 95% interval of a mean rating: mean -+ t * standard error, with n - 1 degrees
    of freedom (Student 1908). An average of ratings on 1..5 cannot lie outside 1..5, so neither do the
    bounds. Null for fewer than two ratings. -#}
{% macro mean_interval_bound(sign) -%}
case
    when rated_count >= 2 then round(
        least(5, greatest(1,
            {{ average_rating() }}
            {{ sign }} {{ t_quantile("(rated_count - 1)") }}
            * sqrt({{ variance("rated_count", "rating_sum_milli", "rating_square_sum_micro") }}
            / rated_count)
        )),
        6
    )
end
{%- endmacro %}

{#- One bound of the 95% interval of a share (Wilson 1927, Probable inference, the law of
    succession, and statistical inference, JASA 22): it stays inside 0..1 and is honest for few reviews, where
    the usual interval is not. Null where there is nothing to share. -#}
{% macro wilson_bound(part, whole, sign) -%}
{%- set z = "1.959963985" -%}
case
    when {{ whole }} > 0 then round(
        least(1, greatest(0,
            (
                {{ part }} + {{ z }} * {{ z }} / 2
                {{ sign }} {{ z }} * sqrt(
                    {{ part }} * ({{ whole }} - {{ part }}) / {{ whole }}::double
                    + {{ z }} * {{ z }} / 4
                )
            ) / ({{ whole }} + {{ z }} * {{ z }})
        )),
        6
    )
end
{%- endmacro %}

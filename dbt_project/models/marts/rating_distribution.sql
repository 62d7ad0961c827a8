with members as (
    select
        tenant_id,
        dimension,
        member,
        {{ sums_of(review_measures()) }}
    from {{ ref('int_member_days') }}
    group by all
    having sum(rated_count) > 0
),

stars as (
    {%- for star in range(1, 6) %}
    select
        tenant_id,
        dimension,
        member,
        {{ star }} as rating,
        rating_{{ star }}_count as review_count,
        {{ share("rating_" ~ star ~ "_count", "rated_count") }} as share
    from members
    {{ "union all" if not loop.last }}
    {%- endfor %}
)

select * from stars
order by tenant_id, dimension, member, rating

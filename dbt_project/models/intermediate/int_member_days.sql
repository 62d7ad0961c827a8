-- Every fact once for each dimension that it has a member of.
with daily_facts as (
    select * from {{ ref('stg_daily_facts') }}
),

member_days as (
    {%- for dimension in dimensions() %}
    select
        tenant_id,
        '{{ dimension }}' as dimension,
        {{ member_of(dimension) }} as member,
        posted_day,
        has_posted_date,
        {{ sums_of(review_measures()) }}
    from daily_facts
    where {{ member_of(dimension) }} <> ''
    group by all
    {{ "union all" if not loop.last }}
    {%- endfor %}
)

select * from member_days
order by tenant_id, dimension, member, posted_day, has_posted_date

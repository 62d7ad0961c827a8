-- Mentions of each topic by week, once under "all" and once under their product.
with topic_facts as (
    select
        tenant_id,
        product,
        label as topic,
        date_trunc('week', posted_day)::date as week_start,
        mention_count,
        {{ mention_measures() | join(",\n        ") }}
    from {{ ref('stg_daily_label_facts') }}
    where label_kind = 'topic'
),

member_topics as (
    {%- for dimension in ["all", "product"] %}
    select
        tenant_id,
        '{{ dimension }}' as dimension,
        {{ member_of(dimension) }} as member,
        topic,
        week_start,
        {{ sums_of(["mention_count"] + mention_measures()) }}
    from topic_facts
    where {{ member_of(dimension) }} <> ''
    group by all
    {{ "union all" if not loop.last }}
    {%- endfor %}
)

select * from member_topics
order by tenant_id, dimension, member, topic, week_start

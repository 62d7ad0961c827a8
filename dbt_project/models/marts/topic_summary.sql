with topics as (
    select
        tenant_id,
        dimension,
        member,
        topic,
        {{ sums_of(["mention_count"] + mention_measures()) }}
    from {{ ref('int_member_topics') }}
    group by all
),

members as (
    select
        tenant_id,
        dimension,
        member,
        sum(review_count)::bigint as review_count
    from {{ ref('int_member_days') }}
    group by all
)

select
    topics.tenant_id,
    topics.dimension,
    topics.member,
    topics.topic,
    topics.mention_count,
    {{ share("topics.mention_count", "members.review_count") }} as share_of_reviews,
    topics.positive_count,
    topics.neutral_count,
    topics.mixed_count,
    topics.negative_count,
    {{ share("topics.negative_count", "topics.annotated_count") }} as negative_share,
    {{ average_rating() }} as average_rating,
    {{ average_score() }} as average_score
from topics
inner join members using (tenant_id, dimension, member)
order by
    topics.tenant_id, topics.dimension, topics.member, topics.mention_count desc, topics.topic

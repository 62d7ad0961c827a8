with current_reviews as (
    select * from {{ source('lake', 'current_reviews') }}
)

select
    tenant_id,
    review_key,
    version,
    source,
    source_review_id,
    title,
    text,
    rating,
    posted_at,
    posted_day,
    has_posted_date,
    author,
    product,
    location,
    url,
    language,
    language_confidence,
    sentiment,
    sentiment_score,
    sentiment_confidence,
    topics,
    topic_reasons,
    keywords,
    entities,
    entity_kinds,
    day,
    batch_id,
    record_number
from current_reviews

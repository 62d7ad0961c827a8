-- The input holds current versions only; should two of one review slip in, the newer one counts.
select *
from {{ ref('stg_current_reviews') }}
qualify row_number() over (partition by tenant_id, review_key order by version desc) = 1
order by tenant_id, posted_day desc, review_key

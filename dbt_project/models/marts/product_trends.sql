-- Compares the average rating in the first and in the last third of a product's days.
with product_days as (
    select * from {{ ref('int_member_days') }}
    where dimension = 'product'
),

products as (
    select
        tenant_id,
        member as product,
        sum(review_count)::bigint as review_count,
        min(posted_day) filter (where has_posted_date and rated_count > 0) as first_day,
        max(posted_day) filter (where has_posted_date and rated_count > 0) as last_day,
        (last_day - first_day + 1) // 3 as third
    from product_days
    group by all
),

thirds as (
    select
        products.tenant_id,
        products.product,
        products.review_count,
        {{ third_sums("first", "product_days.posted_day < first_day + third::int") }},
        {{ third_sums("last", "product_days.posted_day > last_day - third::int") }}
    from products
    left join product_days
        on
            products.tenant_id = product_days.tenant_id
            and products.product = product_days.member
            and product_days.has_posted_date
    group by all
),

averages as (
    select
        *,
        {{ third_average("first") }} as first_average_rating,
        {{ third_average("last") }} as last_average_rating,
        {{ third_error("first") }} as first_error,
        {{ third_error("last") }} as last_error
    from thirds
),

-- Welch (1947), The generalization of "Student's" problem, Biometrika 34: the thirds need not vary
-- alike. Two thirds without any variance differ by exactly what they differ.
degrees_of_freedom as (
    select
        *,
        last_average_rating - first_average_rating as change,
        coalesce(
            pow(first_error + last_error, 2)
            / nullif(
                pow(first_error, 2) / (first_rated_count - 1)
                + pow(last_error, 2) / (last_rated_count - 1),
                0
            ),
            first_rated_count + last_rated_count - 2
        ) as degrees
    from averages
),

margins as (
    select
        *,
        case
            when
                least(first_rated_count, last_rated_count) >= {{ var('trend_min_reviews') }}
                then {{ t_quantile("degrees") }} * sqrt(first_error + last_error)
        end as margin
    from degrees_of_freedom
),

bounds as (
    select
        *,
        round(change - margin, 6) as change_low,
        round(change + margin, 6) as change_high
    from margins
)

select
    tenant_id,
    product,
    review_count,
    first_average_rating,
    last_average_rating,
    change,
    change_low,
    change_high,
    case
        when change_low > 0 then 'improving'
        when change_high < 0 then 'worsening'
        else 'steady'
    end as direction
from bounds
order by tenant_id, review_count desc, product

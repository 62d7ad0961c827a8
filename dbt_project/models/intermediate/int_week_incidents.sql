-- Which weeks stand out by their share of negative reviews. The rule is told in weekly_series.
with weeks as (
    select
        tenant_id,
        dimension,
        member,
        week_start,
        annotated_count,
        negative_count,
        {{ share("negative_count", "annotated_count") }} as negative_share,
        annotated_count >= {{ var('incident_min_baseline_reviews') }} as takes_part,
        annotated_count >= {{ var('incident_min_reviews') }} as is_judged
    from {{ ref('int_member_weeks') }}
),

baseline_weeks as (
    select
        *,
        row_number() over (
            partition by tenant_id, dimension, member
            order by negative_share, week_start
        ) as position
    from weeks
    where takes_part
),

members as (
    select
        tenant_id,
        dimension,
        member,
        count(*) as week_count,
        sum(annotated_count)::bigint as annotated_total,
        sum(negative_count)::bigint as negative_total,
        list(negative_share order by position) as sorted_shares
    from baseline_weeks
    group by all
),

weeks_and_others as (
    select
        weeks.*,
        members.week_count - weeks.takes_part::int as other_count,
        members.annotated_total - baseline_weeks.annotated_count as others_annotated,
        members.negative_total - baseline_weeks.negative_count as others_negative,
        {{ median_without("members.sorted_shares", "baseline_weeks.position") }} as others_median
    from weeks
    inner join members using (tenant_id, dimension, member)
    left join baseline_weeks using (tenant_id, dimension, member, week_start)
),

-- With few reviews a week the median lies below the mean, so the larger of the two is expected.
expectations as (
    select
        *,
        greatest(
            others_median, {{ share("others_negative", "others_annotated") }}
        ) as expected_share
    from weeks_and_others
    where takes_part and other_count >= {{ var('incident_min_other_weeks') }}
),

scores as (
    select
        *,
        2 * (asin(sqrt(negative_share)) - asin(sqrt(expected_share)))
        / sqrt(1 / annotated_count::double + 1 / others_annotated::double) as binomial_z
    from expectations
),

-- Weeks of a real business differ by more than chance; a member's own restlessness is the measure.
spreads as (
    select
        tenant_id,
        dimension,
        member,
        greatest(1, 1.4826 * mad(binomial_z)) as spread
    from scores
    group by all
),

verdicts as (
    select
        scores.*,
        round(scores.binomial_z / spreads.spread, 6) as incident_z
    from scores
    inner join spreads using (tenant_id, dimension, member)
)

select
    weeks.tenant_id,
    weeks.dimension,
    weeks.member,
    weeks.week_start,
    weeks_and_others.others_median as baseline_negative_share,
    case when weeks.is_judged then verdicts.incident_z end as incident_z,
    coalesce(
        weeks.is_judged
        and verdicts.incident_z >= {{ var('incident_min_z') }}
        and verdicts.negative_share - verdicts.expected_share >= {{ var('incident_min_excess') }}
        and verdicts.negative_count >= {{ var('incident_min_negatives') }},
        false
    ) as is_incident
from weeks
left join weeks_and_others using (tenant_id, dimension, member, week_start)
left join verdicts using (tenant_id, dimension, member, week_start)
order by weeks.tenant_id, weeks.dimension, weeks.member, weeks.week_start

"""Numbers: daily facts by one of two engines, then the marts by dbt.

The facts' expressions are in ``resources.metrics.facts``, the marts' SQL in ``dbt_project``.
"""
